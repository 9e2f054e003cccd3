# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Other runtimes for the same model, as functions that run it on arrays that are bound before.

    run = mpq.peers.open("onnxruntime-dynamic", "model.onnx", inputs, threads=1, work=folder)
    outputs = run()

    name                  what runs
    onnxruntime           the model in fp32
    onnxruntime-dynamic   onnxruntime.quantization.quantize_dynamic: u8 activations by the range of each tensor,
                          weights s8 per channel
    onnxruntime-static    quantize_static: QDQ, u8 activations in the ranges of 16 samples (min, max), weights s8 per channel
    openvino              the model as OpenVINO runs it by default: in bf16 where the CPU has that
    openvino-f32          the same with INFERENCE_PRECISION_HINT=f32
    openvino-int8         OpenVINO on the model of onnxruntime-static

Quantized models are made in `work`, once. Packages that are not there (openvino is not one of
scripts/requirements.txt) are an ImportError.
"""
from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping

import numpy as np

Run = Callable[[], Mapping[str, np.ndarray]]
Arrays = Mapping[str, np.ndarray]
NAMES = ["onnxruntime", "onnxruntime-dynamic", "onnxruntime-static", "openvino", "openvino-f32", "openvino-int8"]
_SAMPLES = 16
_PER_CHANNEL_OPSET = 13


def open(name: str, model: str | pathlib.Path, inputs: Arrays, threads: int,  # pylint: disable=redefined-builtin
         work: pathlib.Path, calibration: Arrays | None = None) -> Run:
    """The function that runs `model` on `inputs`. `calibration` has an array for each input, as many samples as it likes;
    the static quantizations need it."""
    if name not in NAMES:
        raise ValueError(f"no peer '{name}'; there are {', '.join(NAMES)}")
    path = pathlib.Path(model)
    if name == "onnxruntime-dynamic":
        path = _quantize_dynamic(path, work)
    elif name in ("onnxruntime-static", "openvino-int8"):
        if calibration is None:
            raise ValueError(f"{name} needs calibration data")
        path = _quantize_static(path, work, calibration)
    if name.startswith("openvino"):
        return _bind_openvino(path, inputs, threads, {"INFERENCE_PRECISION_HINT": "f32"} if name.endswith("f32") else {})
    return bind_session(open_session(path, threads), inputs)


def open_session(path: pathlib.Path, threads: int):
    """An onnxruntime session on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bind_session(session, inputs: Arrays) -> Run:
    """Runs the session on these arrays, into the same outputs each time."""
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_cpu_input(name, array)
    for value in session.get_outputs():
        binding.bind_output(value.name)
    session.run_with_iobinding(binding)
    outputs = {value.name: array for value, array in zip(session.get_outputs(), binding.copy_outputs_to_cpu())}
    binding.clear_binding_outputs()
    for name, array in outputs.items():
        binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)

    def run() -> Arrays:
        session.run_with_iobinding(binding)
        return outputs

    return run


def _bind_openvino(path: pathlib.Path, inputs: Arrays, threads: int, options: dict[str, str]) -> Run:
    import openvino

    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", **options}
    graph = core.read_model(path)
    graph.reshape({name: list(array.shape) for name, array in inputs.items()})
    request = core.compile_model(graph, "CPU", options).create_infer_request()
    tensors = {name: openvino.Tensor(array, shared_memory=True) for name, array in inputs.items()}
    for name, tensor in tensors.items():
        request.set_tensor(name, tensor)
    request.infer()
    outputs = {port.get_any_name(): request.get_tensor(port).data for port in request.model_outputs}

    def run() -> Arrays:
        request.infer()
        return outputs

    run.keep = tensors
    return run


def _preprocess(model: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    """What onnxruntime asks to be done before quantization; in an opset that has quantization per channel."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = work / f"{model.stem}.prepared.onnx"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        graph = onnx.load(str(model))
        if max(opset.version for opset in graph.opset_import if not opset.domain) < _PER_CHANNEL_OPSET:
            graph = onnx.version_converter.convert_version(graph, _PER_CHANNEL_OPSET)
            model = work / f"{model.stem}.converted.onnx"
            onnx.save(graph, str(model))
        # By its path: given in memory, it would have to be stored with its weights beside it, and is not found again.
        quant_pre_process(str(model), str(path), skip_symbolic_shape=True)
    return path


def _quantize_dynamic(model: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = work / f"{model.stem}.dynamic.onnx"
    if not path.exists():
        quantize_dynamic(str(_preprocess(model, work)), str(path), weight_type=QuantType.QInt8, per_channel=True)
    return path


def _quantize_static(model: pathlib.Path, work: pathlib.Path, calibration: Arrays) -> pathlib.Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        """Sample by sample."""

        def __init__(self):
            count = min(_SAMPLES, len(next(iter(calibration.values()))))
            self.samples = iter([{name: array[i : i + 1] for name, array in calibration.items()} for i in range(count)])

        def get_next(self):
            return next(self.samples, None)

    path = work / f"{model.stem}.static.onnx"
    if not path.exists():
        quantize_static(str(_preprocess(model, work)), str(path), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return path
