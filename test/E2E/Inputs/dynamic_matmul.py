# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""dynamic_matmul.py FOLDER [K COLUMNS]: writes model.onnx, a matrix product of rows [N, T, K], and samples.npz for it."""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
k, columns = map(int, sys.argv[2:4] or (16, 24))
rng = np.random.default_rng(0)
nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "product"), helper.make_node("Relu", ["h"], ["y"], "relu")]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", k])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "T", columns])],
                          [numpy_helper.from_array(rng.standard_normal((k, columns)).astype(np.float32), "w")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
np.savez(folder / "samples.npz", x=rng.standard_normal((4, 5, k)).astype(np.float32))
