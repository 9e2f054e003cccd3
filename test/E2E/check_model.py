# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles a model, runs the library, and holds it against onnxruntime and the task's metric.

    check_model.py digits|resnet20|... --work DIR [--models DIR] [--samples N] [limits] [-- quant-compile's options]

The options may name the calibration data as {calib}. Prints what it measured; fails where a limit does not hold:

    --max-error E       ||y - y'|| / ||y'|| against onnxruntime's float outputs, over all samples (not computed otherwise)
    --min-score S, --max-score S    the task's metric (python/mpq/datasets.py) over the samples that are run
"""
import argparse
import pathlib
import sys

import numpy as np

from mpq import Model, datasets, demo, tools


def load(name: str, models: pathlib.Path | None) -> datasets.Task:
    if name == "digits":
        job = demo.digits_job()
        return datasets.Task(name, job.model, job.calibration, job.test, job.labels)
    return datasets.load(name, models)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("task")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--calibration-samples", type=int)
    parser.add_argument("--max-error", type=float)
    parser.add_argument("--min-score", type=float)
    parser.add_argument("--max-score", type=float)
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, options = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]

    task = load(args.task, args.models)
    args.work.mkdir(parents=True, exist_ok=True)
    calibration = args.work / "calib.npz"
    np.savez(calibration, **task.first_calibration(args.calibration_samples))
    inputs = {name: array[: args.samples] for name, array in task.test.items()}
    library = args.work / f"{args.task}.so"
    tools.compile_model(task.model, library, *(option.format(calib=calibration) for option in options))

    model = Model(library)
    if any(info.shape and info.shape[0] == 1 for info in model.inputs):
        count = len(next(iter(inputs.values())))
        parts = [{name: value.copy() for name, value in model.run({k: v[i : i + 1] for k, v in inputs.items()}).items()}
                 for i in range(count)]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    elif task.lengths is not None:
        outputs = tools.run_by_length(model, inputs, task.lengths[: args.samples])
    else:
        outputs = model.run(inputs)
    first = next(iter(outputs.values()))
    score = task.score(first)
    print(f"{args.task}: {len(first)} samples, {task.metric} {score:.4f}, {model.weights_bytes} weight bytes")
    limits = []
    if args.max_error is not None:
        error = tools.relative_error(outputs, datasets.reference(task.model, inputs))
        print(f"{args.task}: error {error:.3g}")
        limits.append(("error", error, None, args.max_error))
    limits += [(task.metric, score, args.min_score, args.max_score)]
    failed = []
    for name, value, least, most in limits:
        if least is not None and not value >= least:
            failed.append(f"{name} is {value:.4g} when it should be at least {least:g}")
        if most is not None and not value <= most:
            failed.append(f"{name} is {value:.4g} when it should be at most {most:g}")
    for line in failed:
        print(f"{args.task}: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
