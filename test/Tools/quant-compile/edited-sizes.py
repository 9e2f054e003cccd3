# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# A stage that was edited by hand: attributes about sizes of the wrong form are diagnosed, and no library is written.
#
# REQUIRES: onnx
# RUN: %python %s %t
# ===----------------------------------------------------------------------===#
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
numbers = [numpy_helper.from_array(np.array([value], np.int64), name) for value, name in ((1, "a"), (-1, "b"), (1, "c"))]
graph = helper.make_graph([helper.make_node("Slice", ["x", "a", "b", "c"], ["y"])], "g",
                          [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 4])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", None, 4])], numbers)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), f"{folder}/m.onnx")
subprocess.run(["quant-compile", f"{folder}/m.onnx", "--emit=llvm", "-o", f"{folder}/m.mlir"], check=True, capture_output=True)
text = open(f"{folder}/m.mlir", encoding="utf-8").read()

for old, new, error in (
        ('mpq.symbols = ["T"]', "mpq.symbols = [3]", "has 3 : i64 in 'mpq.symbols' when it should be a name"),
        ("mpq.requirements = [", "mpq.requirements = [7, ", "has 7 : i64 in 'mpq.requirements' when it should be a set of the 1"),
        ('mpq.symbols = ["T"]', "mpq.symbols = []", "when it should be a set of the 0 symbols and the name of an op")):
    assert old in text, text
    with open(f"{folder}/edited.mlir", "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    done = subprocess.run(["quant-compile", f"{folder}/edited.mlir", "-o", f"{folder}/no.so"], capture_output=True, text=True)
    assert done.returncode == 1 and error in done.stderr, done.stderr
    assert not os.path.exists(f"{folder}/no.so")
