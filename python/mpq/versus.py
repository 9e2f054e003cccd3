# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Times a compiled library against onnxruntime in fp32, one thread each.

    python -m mpq.versus model.onnx model.so --batch 1 --batch 64 --length 32

Both run in this process, in turns of a few milliseconds, so that a clock that drifts and what else the machine does hit
both alike. Arrays are bound before: neither pays for Python's conversions. Prints, for each batch size, the median and
the least time of a call of each, the median ratio of neighbouring turns (below 1 where the library is faster), and the
largest difference of the outputs relative to their largest magnitude. `--length` is the size of the dynamic dimensions
that are not the batch.
"""
from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from .model import Model


def make_inputs(session, batch: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Small non-negative integers, ones for masks, normally distributed reals otherwise."""
    random = np.random.default_rng(seed)
    arrays = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) and axis else batch if axis == 0 else length
                 for axis, size in enumerate(value.shape)]
        if "int" in value.type:
            arrays[value.name] = random.integers(1, 500, shape).astype(np.int64 if "64" in value.type else np.int32)
        elif "mask" in value.name:
            arrays[value.name] = np.ones(shape, np.float32)
        else:
            arrays[value.name] = random.standard_normal(shape, np.float32)
    return arrays


def bind_session(session, inputs: dict[str, np.ndarray]):
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

    def run() -> dict[str, np.ndarray]:
        session.run_with_iobinding(binding)
        return outputs

    return run


def time_turn(run, calls: int) -> float:
    """Microseconds per call."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        run()
    return (time.perf_counter_ns() - start) / calls / 1e3


def alternate(first, second, seconds: float) -> tuple[list[float], list[float]]:
    """Microseconds per call of each, turn by turn."""
    calls = [max(1, int(3000 / time_turn(run, 3))) for run in (first, second)]
    times: tuple[list[float], list[float]] = ([], [])
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times[0]) < 3:
        for run, count, list_ in zip((first, second), calls, times):
            list_.append(time_turn(run, count))
    return times


def main() -> None:
    import onnxruntime

    parser = argparse.ArgumentParser(prog="mpq.versus", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("library")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    model = Model(args.library, threads=1)
    for batch in args.batch or [1, 64]:
        inputs = make_inputs(session, batch, args.length)
        ours, theirs = model.bind(inputs), bind_session(session, inputs)
        wanted = theirs()
        error = max(float(np.abs(value - wanted[name]).max() / np.abs(wanted[name]).max())
                    for name, value in ours().items())
        mine, peer = alternate(ours, theirs, args.seconds)
        ratio = statistics.median(a / b for a, b in zip(mine, peer))
        print(f"batch {batch:3}: library {statistics.median(mine):10.1f} us (least {min(mine):.1f}), "
              f"onnxruntime {statistics.median(peer):10.1f} us (least {min(peer):.1f}), "
              f"ratio {ratio:.3f}, difference {error:.2g}", flush=True)


if __name__ == "__main__":
    main()
