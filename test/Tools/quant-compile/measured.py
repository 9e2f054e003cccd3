# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The divergence that is measured in the end: of a model with one site it is the predicted one, whether the number of rows
# is known or not, and whatever is a neighbour of the product.
#
# REQUIRES: onnx
# RUN: %python %s %t
# ===----------------------------------------------------------------------===#
import os
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(1)
np.savez(f"{folder}/calib.npz", x=rng.standard_normal([6, 5, 8]).astype(np.float32))
weight = numpy_helper.from_array(rng.standard_normal([8, 4]).astype(np.float32), "w")
gain = numpy_helper.from_array(rng.standard_normal([8]).astype(np.float32), "g")

for rows in ("T", 5):
    shape = lambda last: ["N", rows, last]
    nodes = [helper.make_node("Mul", ["x", "g"], ["scaled"]), helper.make_node("MatMul", ["scaled", "w"], ["product"]),
             helper.make_node("Softmax", ["product"], ["y"], axis=-1)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape(8))],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape(4))], [weight, gain])
    path = f"{folder}/{rows}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    summary = subprocess.run(["quant-compile", path, f"--calibration={folder}/calib.npz", "--formats=int3", "--avg-bits=100",
                              "-o", f"{folder}/{rows}.so"], check=True, capture_output=True, text=True).stderr
    predicted = float(re.search(r"predicted output divergence \(kl, sum over sites\): (\S+)", summary)[1])
    measured = float(re.search(r"measured output divergence \(kl, all sites together\): ([^;]+);", summary)[1])
    assert predicted > 1e-4 and abs(measured - predicted) <= 2e-3 * predicted, summary
