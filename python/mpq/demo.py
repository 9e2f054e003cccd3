# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles one model in several precisions and compares the libraries with onnxruntime. scripts/demo starts it.

    demo                            the digits model of examples/digits
    demo MODEL.onnx                 a model of yours; judged on random inputs
    demo MODEL.onnx SAMPLES.npz     the same, calibrated and judged on samples: arrays named after the model's inputs
                                    (dimension 0: the sample), and `labels` if there are any
"""
from __future__ import annotations

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
from rich.console import Console
from rich.table import Table

from mpq import Model, datasets, tools

DIGITS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "digits"

# What is compiled: a name and quant-compile's options. A budget with one format is that format everywhere.
MIXED = "int2,int3,int4,int8"
VARIANTS = {
    "float": [],
    **{f"int{bits} everywhere": [f"--formats=int{bits}", f"--avg-bits={bits}"] for bits in (8, 4, 3, 2)},
    **{f"mixed, {bits} bits": [f"--formats={MIXED}", f"--avg-bits={bits}"] for bits in (4, 3)},
}


@dataclasses.dataclass
class Job:
    """A model with the data that calibrate and judge it."""

    model: pathlib.Path
    calibration: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    random: bool = False


def load_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def digits_job() -> Job:
    test = load_npz(DIGITS / "test.npz")
    return Job(DIGITS / "digits.onnx", load_npz(DIGITS / "calib.npz"), test, test.pop("labels"))


def own_job(model: pathlib.Path, samples: pathlib.Path | None, console: Console) -> Job:
    """A user's model. Half of the samples calibrate, the other half judges; without samples both are random."""
    if samples:
        arrays = load_npz(samples)
        labels = arrays.pop("labels", None)
        count = {len(array) for array in arrays.values()} or {0}
        if len(count) != 1 or min(count) < 2:
            raise ValueError(f"{samples}: the arrays hold {sorted(count)} samples when it should be one number, 2 or more")
        half = count.pop() // 2
        return Job(model, {name: array[:half] for name, array in arrays.items()},
                   {name: array[half:] for name, array in arrays.items()}, None if labels is None else labels[half:])
    console.print(f"[yellow]No samples are given: {model.name} is calibrated and judged on random inputs. The figures "
                  "say little about real data; give an .npz with samples for that.[/]")
    return Job(model, random_inputs(model, 16, seed=1), random_inputs(model, 16, seed=2), random=True)


def random_inputs(model: pathlib.Path, samples: int, seed: int) -> dict[str, np.ndarray]:
    """Standard normal values for every input. ValueError where the model's inputs need something that has a meaning."""
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    generator = np.random.default_rng(seed)
    inputs = {}
    for value in graph.input:
        if value.name in constants:
            continue
        tensor = value.type.tensor_type
        sizes = [dim.dim_value for dim in tensor.shape.dim]
        if tensor.elem_type != onnx.TensorProto.FLOAT or 0 in sizes[1:]:
            kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
            raise ValueError(f"{model}: input '{value.name}' is {kind} of shape {sizes} (0: dynamic), for which random "
                             "values make no sense; give an .npz with samples")
        inputs[value.name] = generator.standard_normal([samples, *sizes[1:]], dtype=np.float32)
    return inputs


def judge(job: Job, expected: dict[str, np.ndarray], library: pathlib.Path) -> list[str]:
    """The row of one library: accuracy, error, bytes, time."""
    model = Model(library)
    outputs = model.run(job.test)
    seconds = tools.time_per_sample(Model(library, threads=1), job.test)
    return [accuracy_cell(job, outputs), f"{100 * tools.relative_error(outputs, expected):.2g} %",
            f"{model.weights_bytes:,}", f"{library.stat().st_size:,}", f"{1e6 * seconds:,.1f}"]


def accuracy_cell(job: Job, outputs: dict[str, np.ndarray]) -> str:
    if job.labels is None:
        return "-"
    return f"{100 * datasets.accuracy(next(iter(outputs.values())), job.labels):.2f} %"


def onnxruntime_row(job: Job, expected: dict[str, np.ndarray]) -> list[str]:
    """The same figures for onnxruntime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(job.model), options, providers=["CPUExecutionProvider"])
    one = {name: array[:1] for name, array in job.test.items()}
    seconds = tools.fastest(lambda: session.run(None, one))
    return [accuracy_cell(job, expected), "0 %", "-", f"{job.model.stat().st_size:,}", f"{1e6 * seconds:,.1f}"]


def run(job: Job, folder: pathlib.Path, work: pathlib.Path, console: Console) -> int:
    work.mkdir(parents=True, exist_ok=True)
    calibration = work / "calibration.npz"
    np.savez(calibration, **job.calibration)
    expected = datasets.reference(job.model, job.test)
    samples = len(next(iter(job.test.values())))

    table = Table(title=f"{job.model.name}, {samples} {'random ' if job.random else ''}test samples")
    table.add_column("precision")
    for column in ("accuracy", "output error", "weight bytes", "file bytes", "µs per sample"):
        table.add_column(column, justify="right")
    table.add_row("onnxruntime, float", *onnxruntime_row(job, expected))
    failures = 0
    for name, options in VARIANTS.items():
        library = work / f"{job.model.stem}-{name.replace(',', '').replace(' ', '-')}.so"
        if options:
            options = [f"--calibration={calibration}", *options]
        with console.status(f"compiling {name}"):
            try:
                tools.compile_model(job.model, library, *options, folder=folder)
                table.add_row(name, *judge(job, expected, library))
            except (tools.ToolError, OSError, ValueError) as error:
                console.print(f"[red]{name}:[/] {error}", highlight=False)
                failures += 1
    console.print(table)
    console.print("output error: ||y - y'|| / ||y'|| against onnxruntime's float outputs y'; time: one sample at a time, "
                  f"one thread, fastest tenth of the runs. The libraries are in {work}.", highlight=False)
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=pathlib.Path)
    parser.add_argument("samples", nargs="?", type=pathlib.Path)
    parser.add_argument("--tools", type=pathlib.Path, help="folder of quant-compile (default: PATH)")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("demo"), help="folder for the libraries")
    args = parser.parse_args()
    console = Console()
    try:
        job = own_job(args.model, args.samples, console) if args.model else digits_job()
        return run(job, args.tools, args.work, console)
    except (OSError, ValueError, tools.ToolError) as error:
        console.print(f"[red]demo:[/] {error}", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
