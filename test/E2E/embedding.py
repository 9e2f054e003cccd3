# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Embeddings in low bits: rows are decoded from the payload in the file, and a head that is tied to the table (the same
# matrix, transposed) is stored with it, once.
#
# REQUIRES: numpy, onnx
# RUN: %python %s %t
# ===----------------------------------------------------------------------===#
import os
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import mpq

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(1)
ROWS = 37


def compiled(depth, fmt, tied):
    """The library of Gather, and of the product with the transposed table where `tied`."""
    table = rng.standard_normal([ROWS, depth]).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", "ids"], ["rows"])]
    weights = [numpy_helper.from_array(table, "table")]
    outputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", 5, depth])]
    if tied:
        nodes.append(helper.make_node("MatMul", ["rows", "head"], ["logits"]))
        weights.append(numpy_helper.from_array(np.ascontiguousarray(table.T), "head"))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 5, ROWS]))
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 5])], outputs,
                              weights)
    path = f"{folder}/{depth}-{fmt.replace(':', '-')}{'-tied' if tied else ''}"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path + ".onnx")
    choice = [] if fmt == "float" else ["--avg-bits=1000", f"--formats={fmt}", "--metric=weight-mse",
                                        f"--emit-plan={path}.plan"]
    subprocess.run(["quant-compile", path + ".onnx", "-o", path + ".so", *choice], check=True, capture_output=True)
    return table, mpq.Model(path + ".so"), path


def sqnr(exact, stored):
    """In dB. A bit is worth 6; the best clipping of a Gaussian is some 4 to 9 below that."""
    return 10 * np.log10((exact.astype("f8") ** 2).sum() / max(((exact - stored) ** 2).sum(), 1e-30))


ids = rng.integers(-ROWS, ROWS, [4, 5])
for depth in (1, 15, 16, 17, 64):
    table, model, _ = compiled(depth, "float", False)
    np.testing.assert_array_equal(model.run({"ids": ids})["rows"], table[ids])

for depth, fmt in ((16, "int8"), (17, "int8:asym"), (64, "int4"), (33, "int3:g8:f16"), (64, "int5:asym"), (1, "int8")):
    table, model, path = compiled(depth, fmt, False)
    rows = model.run({"ids": ids})["rows"]
    assert sqnr(table[ids], rows) > 6 * int(fmt[3]) - 9, f"{fmt}: {sqnr(table[ids], rows)} dB"
    # Whatever position and batch a row is asked for in, it is the same row; what is beyond the table is its end.
    every = model.run({"ids": np.arange(40).reshape(8, 5)})["rows"].reshape(40, depth)
    np.testing.assert_array_equal(rows, every[:ROWS][ids])
    np.testing.assert_array_equal(every[ROWS:], np.broadcast_to(every[ROWS - 1], (3, depth)))
    sizes = re.findall(r"\| +(\d+) +\| +int\S+ +\| f32 +\| +(\d+)", open(path + ".plan", encoding="utf-8").read())
    assert model.weights_bytes <= int(sizes[0][1]) + 63, (model.weights_bytes, sizes)

for fmt in ("int4", "int8:asym"):
    table, model, path = compiled(64, fmt, True)
    out = model.run({"ids": ids})
    every = model.run({"ids": np.arange(40).reshape(8, 5)})["rows"].reshape(40, 64)[:ROWS]
    np.testing.assert_allclose(out["logits"], out["rows"] @ every.T, rtol=1e-5, atol=1e-5)
    plan = open(path + ".plan", encoding="utf-8").read()
    lines = [line.split("|") for line in plan.splitlines() if line and not line.startswith("#")]
    assert [line[0].strip() for line in lines] == ["table", "head"], plan
    assert {line[1].strip() for line in lines} == {"table"} and int(lines[1][5]) == 0, plan
    assert model.weights_bytes <= int(lines[0][5]) + 63, (model.weights_bytes, plan)
    assert f"{ROWS * 64} weights" in plan, plan
