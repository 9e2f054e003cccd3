# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# `--mem-limit` bounds the resident memory of the whole process, as the system counts it: with a limit that bites, the same
# plan and the same library come out of less memory; with one that is too low, one message with both values, and no file.
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

LAYERS, SIZE, ROWS, SAMPLES = 5, 768, 96, 3
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(1)
np.savez(f"{folder}/calib.npz", x=rng.standard_normal([SAMPLES, ROWS, SIZE]).astype("f4"))
weights = [numpy_helper.from_array(rng.standard_normal([SIZE, SIZE]).astype("f4") / SIZE**0.5, f"w{i}") for i in range(LAYERS)]
nodes = []
for i in range(LAYERS):
    nodes.append(helper.make_node("MatMul", [f"h{i}", f"w{i}"], [f"p{i}"]))
    nodes.append(helper.make_node("Tanh", [f"p{i}"], [f"h{i + 1}"]))
info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, ROWS, SIZE])
graph = helper.make_graph(nodes, "g", [info("h0")], [info(f"h{LAYERS}")], weights)
graph.input[0].name, graph.node[0].input[0] = "x", "x"
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), f"{folder}/m.onnx")


def compile_model(name, limit=0):
    """Exit code, what was said, and the peak of the process in bytes."""
    command = ["quant-compile", f"{folder}/m.onnx", f"--calibration={folder}/calib.npz", "--avg-bits=2.7",
               "--formats=int2,int3,int4,int6", "--threads=2", f"--mem-limit={limit}", f"--emit-plan={folder}/{name}.plan",
               "-o", f"{folder}/{name}.so"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, said, usage.ru_maxrss * 1024


def read(name):
    with open(f"{folder}/{name}", "rb") as file:
        return file.read()


code, said, free = compile_model("free")
assert code == 0, said
start = float(re.search(r"\[1\] import .* ([0-9.]+) MB peak", said)[1]) * 1e6
limit = int(free - (free - start) / 8)
code, said, peak = compile_model("limited", limit)
print(f"import {start / 1e6:.0f} MB, free {free / 1e6:.0f} MB, limit {limit / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB")
assert code == 0, said
assert peak <= limit, f"{peak} bytes are more than the limit, {limit}:\n{said}"
assert read("free.plan") == read("limited.plan") and read("free.so") == read("limited.so")

for low in (1 << 20, int(start) + (8 << 20)):
    code, said, _ = compile_model("refused", low)
    assert code == 1, said
    errors = [line for line in said.splitlines() if "error:" in line]
    assert len(errors) == 1 and re.search(rf"takes \d+ bytes .*when the memory limit is {low}$", errors[0]), said
    assert not os.path.exists(f"{folder}/refused.so") and not os.path.exists(f"{folder}/refused.plan")
