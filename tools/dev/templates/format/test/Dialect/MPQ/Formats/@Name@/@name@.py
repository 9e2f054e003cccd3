# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
# Rounding and bytes against numpy, and the IR against both: a compiled model computes with the stored weights.
#
# REQUIRES: numpy, onnx
# RUN: mkdir -p %t && %python %s %t
import re
import subprocess
import sys

import numpy as np
import onnx

work = sys.argv[1]


def store(weights):
    """To 16 bits and back: nearest, ties to even."""
    bits = weights.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def check(weights):
    rows, k = weights.shape
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "g",
        [info("x", onnx.TensorProto.FLOAT, ["n", k])], [info("y", onnx.TensorProto.FLOAT, ["n", rows])],
        [onnx.numpy_helper.from_array(weights, "w")])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), f"{work}/m.onnx")
    subprocess.run(["quant-compile", f"{work}/m.onnx", "--formats=@name@", "--metric=weight-mse", "--avg-bits=16",
                    f"--emit-plan={work}/m.plan", "-o", f"{work}/m.so"], check=True, capture_output=True)
    plan = open(f"{work}/m.plan", encoding="utf-8").read()
    assert re.search(rf"^w +\| - \| +{rows * k} \| @name@ \| f32 \| +{2 * rows * k} ", plan, re.MULTILINE), plan
    np.savez(f"{work}/x.npz", x=np.eye(k, dtype=np.float32))
    subprocess.run(["quant-run", f"{work}/m.so", f"--input={work}/x.npz", f"--output={work}/y.npz"], check=True,
                   capture_output=True)
    assert np.array_equal(np.load(f"{work}/y.npz")["y"], store(weights).T), weights.shape


generator = np.random.default_rng(0)
for shape in [(1, 1), (2, 3), (16, 64), (17, 33)]:
    check(generator.standard_normal(shape).astype(np.float32))
check(np.array([[1.00390625, 1.01171875, -1.00390625, 0.0, 1e-30, -3.0]], np.float32))  # ties, and what is exact
