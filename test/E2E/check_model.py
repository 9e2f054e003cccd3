# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles a model, runs the library, and holds it against onnxruntime and the task's metric.

    check_model.py digits|resnet20|... --work DIR [--models DIR] [--samples N] [limits] [-- quant-compile's options]

The options may name the calibration data as {calib}. Prints what it measured; fails where a limit does not hold:

    --max-error E       ||y - y'|| / ||y'|| against onnxruntime's float outputs, over all samples
    --min-accuracy A    share of right answers, in percent, over the samples that are run
"""
import argparse
import pathlib
import sys

import numpy as np

from mpq import Model, datasets, demo, tools


def load(name: str, models: pathlib.Path | None) -> demo.Job:
    if name == "digits":
        return demo.digits_job()
    task = datasets.load(name, models)
    return demo.Job(task.model, task.calibration, task.test, task.labels)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("task")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--calibration-samples", type=int)
    parser.add_argument("--max-error", type=float)
    parser.add_argument("--min-accuracy", type=float)
    parser.add_argument("options", nargs="*", help="of quant-compile, behind --")
    args = parser.parse_args()

    job = load(args.task, args.models)
    args.work.mkdir(parents=True, exist_ok=True)
    calibration = args.work / "calib.npz"
    np.savez(calibration, **{name: array[: args.calibration_samples] for name, array in job.calibration.items()})
    inputs = {name: array[: args.samples] for name, array in job.test.items()}
    library = args.work / f"{args.task}.so"
    tools.compile_model(job.model, library, *(option.format(calib=calibration) for option in args.options))

    model = Model(library)
    if any(info.shape and info.shape[0] == 1 for info in model.inputs):
        count = len(next(iter(inputs.values())))
        parts = [{name: value.copy() for name, value in model.run({k: v[i : i + 1] for k, v in inputs.items()}).items()}
                 for i in range(count)]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    else:
        outputs = model.run(inputs)
    error = tools.relative_error(outputs, datasets.reference(job.model, inputs))
    logits = next(iter(outputs.values()))
    accuracy = 100 * tools.accuracy(logits, job.labels[: len(logits)])
    print(f"{args.task}: {len(logits)} samples, error {error:.3g}, accuracy {accuracy:.2f} %, "
          f"{model.weights_bytes} weight bytes")
    failed = []
    if args.max_error is not None and not error <= args.max_error:
        failed.append(f"error is {error:.3g} when it should be at most {args.max_error:g}")
    if args.min_accuracy is not None and not accuracy >= args.min_accuracy:
        failed.append(f"accuracy is {accuracy:.2f} % when it should be at least {args.min_accuracy:g} %")
    for line in failed:
        print(f"{args.task}: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
