# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
# Max pooling of one channel, which the families on blocks leave, against numpy: windows of one, of all, and in between.
#
# REQUIRES: numpy, onnx
# RUN: mkdir -p %t && %python %s %t
import re
import subprocess
import sys

import numpy as np
import onnx

work = sys.argv[1]


def check(height, width, window, stride):
    x = np.random.default_rng(0).standard_normal((3, 1, height, width)).astype(np.float32)
    sizes = [(size - window) // stride + 1 for size in (height, width)]
    rows, columns = ([i * stride for i in range(size)] for size in sizes)
    expected = np.stack([[x[:, :, r:r + window, c:c + window].max((2, 3)) for c in columns] for r in rows])
    info = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[window] * 2, strides=[stride] * 2)
    graph = onnx.helper.make_graph([node], "g", [info("x", onnx.TensorProto.FLOAT, ["n", 1, height, width])],
                                   [info("y", onnx.TensorProto.FLOAT, ["n", 1, *sizes])])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), f"{work}/m.onnx")
    compiled = subprocess.run(["quant-compile", f"{work}/m.onnx", "-v", "-o", f"{work}/m.so"], check=True,
                              capture_output=True, text=True)
    assert re.search("kernel family.*=@name_@", compiled.stderr), compiled.stderr
    np.savez(f"{work}/x.npz", x=x)
    subprocess.run(["quant-run", f"{work}/m.so", f"--input={work}/x.npz", f"--output={work}/y.npz"], check=True,
                   capture_output=True)
    assert np.array_equal(np.load(f"{work}/y.npz")["y"], expected.transpose(2, 3, 0, 1)), (height, width, window, stride)


for arguments in [(1, 1, 1, 1), (4, 5, 2, 1), (7, 7, 3, 2), (5, 4, 4, 1)]:
    check(*arguments)
