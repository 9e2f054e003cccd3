# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# mpq-refine on a chain of small layers in few bits, where losses do not add up. What it says a plan loses is what the
# sensitivity of a model loses that has the plan's weights; a refined plan keeps the budget and loses less.
#
# REQUIRES: numpy
# RUN: %python %s %t.dir
#
# ===----------------------------------------------------------------------===#
import os
import re
import subprocess
import sys

import numpy as np

work = sys.argv[1]
os.makedirs(work, exist_ok=True)
LAYERS, SIZE, BITS = 8, 12, 5.6
FORMATS = ["int2", "int3", "int4"]


def opt(module, passes):
    """The module after the passes, and the numbers of the remark of mpq-refine."""
    done = subprocess.run(["quant-opt", "-", f"--pass-pipeline=builtin.module({passes})", "--remarks-filter=.*",
                           "--remark-policy=all"], input=module, capture_output=True, text=True, check=True)
    numbers = re.findall(r"(sum|before|after)=([-+.eE0-9]+)", done.stderr)
    return done.stdout, {key: float(value) for key, value in numbers}


def constant(name, array):
    text = np.array2string(array, separator=", ", threshold=10**6, max_line_width=10**6)
    kind = f"tensor<{array.shape[0]}x{array.shape[1]}xf32>"
    return f'onnx.Constant {{value = dense<{text}> : {kind}}} : {kind} loc("{name}")'


def make(weights):
    kind = f"tensor<1x{SIZE}xf32>"
    lines = [f'func.func @main(%h0: {kind} {{onnx.name = "x"}}) -> ({kind} {{onnx.name = "y"}}) {{']
    for i, weight in enumerate(weights):
        lines.append(f'  %w{i} = {constant(f"w{i}", weight)}')
        lines.append(f"  %p{i} = onnx.MatMul(%h{i}, %w{i}) : ({kind}, tensor<{SIZE}x{SIZE}xf32>) -> {kind}")
        lines.append(f"  %h{i + 1} = onnx.Relu(%p{i}) : ({kind}) -> {kind}")
    return "\n".join(lines + [f"  return %p{len(weights) - 1} : {kind}", "}"])


def choices(module):
    return [int(c) for c in re.findall(r"mpq.site .* choice (\d+)", module)]


def spent(module):
    sites = re.findall(r"mpq.site .* choice (\d+) candidates \[(.*)\]", module)
    return sum(int(re.findall(r"bytes = (\d+)", text)[int(choice)]) for choice, text in sites)


better = 0
for seed in range(8):
    rng = np.random.RandomState(seed)
    weights = [(rng.randn(SIZE, SIZE) * 0.4).astype("f4") for _ in range(LAYERS)]
    data = f"{work}/{seed}.npz"
    np.savez(data, x=rng.randn(24, SIZE).astype("f4"))
    scored, _ = opt(make(weights), f"mpq-sites{{formats={','.join(FORMATS)}}},mpq-sensitivity{{data={data}}}")
    allocate = f"mpq-allocate{{avg-bits={BITS}}}"
    planned, _ = opt(scored, allocate)
    refine = f"mpq-refine{{choose={{{allocate}}} data={data} %s}}"
    refined, numbers = opt(planned, refine % "")
    assert refined == opt(planned, refine % "threads=2")[0], "threads change the result"
    again, same = opt(refined, refine % "rounds=0")
    assert choices(again) == choices(refined)
    np.testing.assert_allclose(same["before"], numbers["after"], rtol=1e-5)
    assert spent(refined) <= (BITS) * LAYERS * SIZE * SIZE / 8, spent(refined)
    errors = lambda text: re.findall(r"error = ([-+.eE0-9]+)", text)
    assert errors(refined) == errors(planned), "the measured errors of single sites stay"
    print(seed, numbers, choices(planned), choices(refined))
    assert numbers["after"] <= numbers["before"]
    assert (numbers["after"] < numbers["before"]) == (choices(refined) != choices(planned))
    better += numbers["after"] < 0.98 * numbers["before"]
    # A plan that loses the sum of its sites, as far as one cares, stays.
    assert choices(opt(planned, refine % "tolerance=1e9")[0]) == choices(planned)
assert better >= 2, better
