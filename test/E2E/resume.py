# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles a model in one run, from each of its stages, and pass by pass with quant-opt; all must give the same bytes.

    resume.py MODEL.onnx --calibration SAMPLES.npz --work DIR
    resume.py resnet20 --models DIR --samples N --work DIR
    resume.py stories --models DIR --samples N --work DIR --quick -- --activations=int8

With --quick, which is for models that take long to generate code for, each stage is led to the next one only, and the last
to the library. Nothing is done pass by pass. More options of quant-compile follow `--`.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

import numpy as np

STAGES = ["onnx", "calibrated", "planned", "quantized", "lowered", "bufferized", "kernelized", "llvm"]
BUDGET = ["--avg-bits=4", "--metric=weight-mse"]
DECIDED = "planned"  # whoever goes on from here gives no budget

# What leads from each stage to the next, by hand.
PASSES = {
    "onnx": "mpq-import-pipeline,mpq-calibrate{{data={calibration}}}",
    "calibrated": "mpq-sites,mpq-sensitivity{{metric=weight-mse}},mpq-allocate{{avg-bits=4}}",
    "planned": "mpq-quantize",
    "quantized": "mpq-set-target,mpq-lowering-pipeline",
    "lowered": "mpq-bufferization-pipeline",
    "bufferized": "mpq-kernel-pipeline",
    "kernelized": "mpq-llvm-pipeline",
}


def run(*command: object):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr}"


def check_same(expected: bytes, library: pathlib.Path, how: str):
    assert library.read_bytes() == expected, f"{how}: another library"
    print("same bytes", how)


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--calibration", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--quick", action="store_true")
    args, more = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    work = args.work
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    model, calibration = args.model, args.calibration
    if args.models:
        from mpq import datasets
        task = datasets.load(args.model, args.models)
        model, calibration = task.model, work / "calib.npz"
        np.savez(calibration, **{name: array[: args.samples] for name, array in task.calibration.items()})
    options = [f"--calibration={calibration}", *BUDGET, *more]

    def get_options(stage: str) -> list[str]:
        return options if STAGES.index(stage) < STAGES.index(DECIDED) else []

    # Each stage is made from the file of the one before, and led to the library.
    run("quant-compile", model, *options, "-o", work / "whole.so")
    expected = (work / "whole.so").read_bytes()
    source = model
    for stage in STAGES:
        file = work / f"{stage}.mlir"
        run("quant-compile", source, *(options if source == model else get_options(source.stem)), f"--emit={stage}", "-o", file)
        assert "dialect_resources" not in file.read_text(), f"{file} has weights as text"
        source = file
        if args.quick and stage != STAGES[-1]:
            continue
        run("quant-compile", file, *get_options(stage), "-o", work / f"{stage}.so")
        check_same(expected, work / f"{stage}.so", f"from {stage}")
    if args.quick:
        return

    run("quant-opt", model, "-o", work / "hand-onnx.mlir")
    for stage, after in zip(STAGES, STAGES[1:]):
        passes = PASSES[stage].format(calibration=calibration)
        # The next file is once text and once bytecode.
        bytecode = ["--emit-bytecode"] if after in ("planned", "bufferized") else []
        run("quant-opt", work / f"hand-{stage}.mlir", f"--pass-pipeline=builtin.module({passes},mpq-verify-{after})",
            *bytecode, "-o", work / f"hand-{after}.mlir")
    run("quant-compile", work / "hand-llvm.mlir", "-o", work / "hand-llvm.so")
    check_same(expected, work / "hand-llvm.so", "with quant-opt")


if __name__ == "__main__":
    main()
