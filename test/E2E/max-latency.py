# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles a model with a limit of its predicted time that the ops with weights keep, as they are without one, but the
model does not: all of its kernels count. Then the same with the limit alone, which is a budget like others.

    max-latency.py MODEL.onnx --calibration SAMPLES.npz --work DIR
"""
import argparse
import pathlib
import re
import subprocess
import sys


def compile_model(options, limit: float, *budgets: str):
    """The predicted microseconds of the whole model and of the ops with weights."""
    command = ["quant-compile", options.model, f"--calibration={options.calibration}", *budgets,
               "--formats=int4,int8", "--activations=auto", "--mcpu=znver4", f"--max-latency-us={limit}",
               "-o", str(options.work / "model.so")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    whole, weights = (float(re.search(rf"predicted time of the {what}.*?: ([0-9.]+) us", done.stderr)[1])
                      for what in ("whole model", "ops with these weights"))
    print(f"limit {limit:.2f} us: the model takes {whole:.1f} us, of which ops with weights {weights:.1f} us")
    return whole, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    whole, weights = compile_model(options, 1e6, "--avg-bits=6")
    assert weights < whole
    limit = (whole + weights) / 2
    for budgets in (["--avg-bits=6"], []):
        assert compile_model(options, limit, *budgets)[0] < limit + 0.05  # as it is printed


if __name__ == "__main__":
    main()
