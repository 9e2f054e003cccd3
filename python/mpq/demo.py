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

from mpq import Error, Model, datasets, tools
from mpq.plan import Plan

DIGITS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "digits"


@dataclasses.dataclass
class Job:
    """A model with the data that calibrate and judge it."""

    model: pathlib.Path
    calibration: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    random: bool = False

    @property
    def samples(self) -> int:
        return len(next(iter(self.test.values())))


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
    console.print(f"[yellow]No samples are given: the formats of {model.name} are chosen by the error of the weights alone, "
                  "and the outputs are judged on random inputs. That says little about real data; an .npz with samples "
                  "does better.[/]")
    return Job(model, {}, random_inputs(model, 16, seed=1), random=True)


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
    """The cells of one library: accuracy, error, bytes, time."""
    model = Model(library)
    outputs = model.run(job.test)
    seconds = tools.time_per_sample(Model(library, threads=1), job.test)
    return [accuracy_cell(job, outputs), f"{100 * tools.relative_error(outputs, expected):.2g} %",
            f"{model.weights_bytes:,}", f"{1e6 * seconds:,.1f}"]


def accuracy_cell(job: Job, outputs: dict[str, np.ndarray]) -> str:
    if job.labels is None:
        return "-"
    return f"{100 * datasets.accuracy(next(iter(outputs.values())), job.labels):.2f} %"


def onnxruntime_row(job: Job, expected: dict[str, np.ndarray]) -> list[str]:
    """The same cells for onnxruntime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(job.model), options, providers=["CPUExecutionProvider"])
    one = {name: array[:1] for name, array in job.test.items()}
    seconds = tools.fastest(lambda: session.run(None, one))
    return [accuracy_cell(job, expected), "0 %", "-", f"{1e6 * seconds:,.1f}"]


def compile_all(job: Job, folder: pathlib.Path | None, work: pathlib.Path):
    """Compiles one library after another; yields the name, the average bits and the library of each."""
    options = ["--metric=weight-mse"]
    if job.calibration:
        calibration = work / "calibration.npz"
        np.savez(calibration, **job.calibration)
        options = [f"--calibration={calibration}"]

    def build(name: str, *more: str) -> tuple[pathlib.Path, Plan]:
        library, plan = work / f"{job.model.stem}-{name}.so", work / f"{job.model.stem}-{name}.plan"
        tools.compile_model(job.model, library, *options, *more, f"--emit-plan={plan}", folder=folder)
        return library, Plan.read(plan)

    library = work / f"{job.model.stem}-float.so"
    tools.compile_model(job.model, library, folder=folder)
    yield "float", 32, library
    for bits in (8, 4, 3, 2):
        # A plan names the sites; any will do here, as every format in it is replaced.
        if bits == 8:
            _, plan = build("mixed", "--avg-bits=8.5")
        given = work / f"{job.model.stem}-given.plan"
        given.write_text(str(plan.uniform(f"int{bits}:f16")), encoding="utf-8")
        library, uniform = build(f"int{bits}", f"--plan={given}")
        yield f"int{bits} everywhere", uniform.average_bits(), library
    for bits in (5, 4, 3):
        library, plan = build(f"mixed-{bits}", f"--avg-bits={bits}")
        yield f"mixed, at most {bits} bits", plan.average_bits(), library


def run(job: Job, folder: pathlib.Path | None, work: pathlib.Path, console: Console) -> int:
    work.mkdir(parents=True, exist_ok=True)
    expected = datasets.reference(job.model, job.test)
    table = Table(title=f"{job.model.name}, {job.samples} {'random ' if job.random else ''}test samples")
    table.add_column("weights")
    for column in ("bits", "accuracy", "output error", "weight bytes", "µs per sample"):
        table.add_column(column, justify="right")
    table.add_row("float (onnxruntime)", "32", *onnxruntime_row(job, expected))
    with console.status(f"compiling {job.model.name} in several precisions"):
        for name, bits, library in compile_all(job, folder, work):
            table.add_row(name, f"{bits:.2f}", *judge(job, expected, library))
    console.print(table)
    console.print("bits: stored bits per weight, scales included. output error: ||y - y'|| / ||y'|| against onnxruntime's "
                  "float outputs y'. time: one sample at a time on one thread, fastest tenth of the runs. The libraries and "
                  f"their plans are in {work}.", highlight=False)
    return 0


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
    except (OSError, ValueError, Error) as error:
        console.print(f"[red]demo:[/] {error}", highlight=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
