# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Ops on rows, whole and in the pieces that exporters write, compiled and held against onnxruntime.
#
# RUN: %python %s %t
# REQUIRES: onnx, onnxruntime
# ===----------------------------------------------------------------------===#
import pathlib
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save

from mpq import Model, tools

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(1)
F = TensorProto.FLOAT
node = helper.make_node


def floats(*shape):
    return random.standard_normal(shape, np.float32)


def check(name, nodes, inputs, constants, tolerance=2e-6, opset=17, kernels=()):
    """`inputs` and `constants`: arrays by name; the result is y. `kernels` are families that must be used."""
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(key, F, value.shape) for key, value in inputs.items()],
        [helper.make_tensor_value_info("y", F, None)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()])
    path = folder / f"{name}.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), path)
    wanted = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    tools.compile_model(path, path.with_suffix(".so"))
    got = Model(path.with_suffix(".so"), threads=1).run(inputs)["y"]
    error = np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-6)
    assert got.shape == wanted.shape and error <= tolerance, f"{name}: error {error:.3g}, shapes {got.shape}, {wanted.shape}"
    tools.compile_model(path, path.with_suffix(".mlir"), "--emit=kernelized")
    text = path.with_suffix(".mlir").read_text()
    for kernel in kernels:
        assert f"@{kernel}_0" in text, f"{name}: does not use {kernel}"
    print(f"{name}: error {error:.2g}")


def ints(*values):
    return np.array(values, np.int64)


for axis in (1, 2, -1):
    check(f"softmax{axis}", [node("Softmax", ["x"], ["y"], axis=axis)], {"x": floats(1, 5, 17)}, {}, kernels=["softmax"])

check("layer_norm", [node("LayerNormalization", ["x", "w", "b"], ["y"], epsilon=1e-3)], {"x": floats(1, 7, 33)},
      {"w": floats(33), "b": floats(33)}, kernels=["normalize"])
check("rms_norm", [node("RMSNormalization", ["x", "w"], ["y"], epsilon=1e-3)], {"x": floats(1, 7, 33)}, {"w": floats(33)},
      opset=23, kernels=["normalize"])
check("layer_norm_in_pieces",
      [node("ReduceMean", ["x"], ["m"], axes=[-1]), node("Sub", ["x", "m"], ["c"]), node("Pow", ["c", "two"], ["s"]),
       node("ReduceMean", ["s"], ["v"], axes=[-1]), node("Add", ["v", "eps"], ["e"]), node("Sqrt", ["e"], ["d"]),
       node("Div", ["c", "d"], ["n"]), node("Mul", ["n", "w"], ["z"]), node("Add", ["z", "b"], ["y"])],
      {"x": floats(1, 3, 16)}, {"two": np.float32(2), "eps": np.float32(1e-5), "w": floats(16), "b": floats(16)},
      kernels=["normalize"])

erf = [node("Div", ["x", "r"], ["a"]), node("Erf", ["a"], ["e"]), node("Add", ["e", "one"], ["f"]), node("Mul", ["x", "f"], ["g"]),
       node("Mul", ["g", "h"], ["y"])]
check("gelu_erf", erf, {"x": floats(1, 3, 19) * 3}, {"r": np.float32(2**0.5), "one": np.float32(1), "h": np.float32(0.5)},
      kernels=["map"])
check("gelu_tanh", [node("Gelu", ["x"], ["y"], approximate="tanh")], {"x": floats(1, 3, 19) * 3}, {}, opset=20, kernels=["map"])
check("silu_gate", [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["t"]), node("Mul", ["t", "z"], ["y"])],
      {"x": floats(1, 3, 19) * 3, "z": floats(1, 3, 19)}, {}, kernels=["map"])
check("per_token", [node("Div", ["x", "t"], ["d"]), node("Add", ["d", "b"], ["y"])],
      {"x": floats(1, 5, 19), "t": np.abs(floats(1, 5, 1)) + 1}, {"b": floats(19)}, kernels=["map"])


# Products of two activations: sizes around the tiles of 8 (or 4) rows and 2 vectors of columns, and the ways to broadcast.
for m, k, n in [(1, 1, 1), (8, 3, 32), (9, 17, 33), (7, 16, 31), (20, 5, 48), (3, 64, 130)]:
    check(f"product_{m}x{k}x{n}", [node("MatMul", ["a", "b"], ["y"])], {"a": floats(1, m, k), "b": floats(1, k, n)}, {},
          kernels=["batch_matmul"])
for name, a, b in [("stack", (1, 3, 4, 5, 6), (1, 3, 4, 6, 7)), ("inner", (1, 3, 1, 5, 6), (1, 1, 4, 6, 7)),
                   ("rank", (1, 3, 4, 5, 6), (1, 4, 6, 7))]:
    check(f"product_{name}", [node("MatMul", ["a", "b"], ["y"])], {"a": floats(*a), "b": floats(*b)}, {},
          kernels=["batch_matmul"])
check("product_scaled", [node("MatMul", ["a", "b"], ["p"]), node("Mul", ["p", "s"], ["q"]), node("Add", ["q", "c"], ["y"])],
      {"a": floats(1, 2, 5, 6), "b": floats(1, 2, 6, 37), "c": floats(1, 2, 5, 37)}, {"s": np.float32(.3)},
      kernels=["batch_matmul"])


def attention(name, heads, kv_heads, size, tokens, mask=None, rotary=False):
    """A layer's attention in pieces, with projections, a bias and a residual."""
    width, nodes, constants = heads * size, [], {"out": ints(1, tokens, heads * size), "scale": np.float32(size**-0.5)}
    for what, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
        constants |= {f"w{what}": floats(width, count * size) / width**0.5, f"b{what}": floats(count * size),
                      f"s{what}": ints(1, tokens, count, size)}
        nodes += [node("MatMul", ["x", f"w{what}"], [f"{what}1"]), node("Add", [f"{what}1", f"b{what}"], [f"{what}2"]),
                  node("Reshape", [f"{what}2", f"s{what}"], [f"{what}3"]),
                  node("Transpose", [f"{what}3"], [f"{what}4"], perm=[0, 2, 1, 3])]
    q, k, v = "q4", "k4", "v4"
    if rotary:
        angles = np.outer(np.arange(tokens), 10.0 ** -np.arange(size // 2)).astype(np.float32)
        constants |= {"cos": np.tile(np.cos(angles), 2)[None, None], "sin": np.tile(np.sin(angles), 2)[None, None],
                      "zero": ints(0), "half": ints(size // 2), "whole": ints(size), "last": ints(3)}
        for h in (q, k):
            nodes += [node("Slice", [h, "zero", "half", "last"], [h + "l"]), node("Slice", [h, "half", "whole", "last"], [h + "h"]),
                      node("Neg", [h + "h"], [h + "n"]), node("Concat", [h + "n", h + "l"], [h + "t"], axis=-1),
                      node("Mul", [h, "cos"], [h + "c"]), node("Mul", [h + "t", "sin"], [h + "s"]),
                      node("Add", [h + "c", h + "s"], [h + "r"])]
        q, k = "q4r", "k4r"
    if heads != kv_heads:
        constants["repeat"] = np.repeat(np.arange(kv_heads), heads // kv_heads)
        nodes += [node("Gather", [k, "repeat"], ["k5"], axis=1), node("Gather", [v, "repeat"], ["v5"], axis=1)]
        k, v = "k5", "v5"
    nodes += [node("Transpose", [k], ["kt"], perm=[0, 1, 3, 2]), node("MatMul", [q, "kt"], ["a"]), node("Mul", ["a", "scale"], ["a1"])]
    scores = "a1"
    if mask is not None:
        constants["mask"] = mask
        nodes.append(node("Add", ["a1", "mask"], ["a2"]))
        scores = "a2"
    constants |= {"wo": floats(width, width) / width**0.5, "bo": floats(width)}
    nodes += [node("Softmax", [scores], ["p"], axis=-1), node("MatMul", ["p", v], ["o"]),
              node("Transpose", ["o"], ["o1"], perm=[0, 2, 1, 3]), node("Reshape", ["o1", "out"], ["o2"]),
              node("MatMul", ["o2", "wo"], ["o3"]), node("Add", ["o3", "bo"], ["o4"]), node("Add", ["x", "o4"], ["y"])]
    kernels = ["attention", "matmul_f32"] + (["rotary"] if rotary else [])
    check(name, nodes, {"x": floats(1, tokens, width)}, constants, tolerance=5e-6, kernels=kernels)


def triangle(tokens, low):
    return np.triu(np.full((tokens, tokens), low, np.float32), 1)


attention("attention", 3, 3, 16, 17)
attention("grouped_causal_rotary", 8, 4, 8, 33, triangle(33, -1e9), rotary=True)
attention("masked", 2, 2, 20, 18, floats(1, 1, 18, 18))
attention("masked_keys", 2, 1, 64, 31, np.where(np.arange(31) < 20, 0, -1e9).astype(np.float32)[None, None, None])
attention("soft_triangle", 2, 2, 8, 16, triangle(16, -3.0))

joint = {"w": floats(32, 96) / 6, "third": ints(32, 32, 32), "heads": ints(0, 0, 4, 8), "rows": ints(0, 0, 32)}
nodes = [node("MatMul", ["x", "w"], ["qkv"]), node("Split", ["qkv", "third"], ["q", "k", "v"], axis=-1)]
for what, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
    nodes += [node("Reshape", [what, "heads"], [what + "1"]), node("Transpose", [what + "1"], [what + "2"], perm=perm)]
nodes += [node("MatMul", ["q2", "k2"], ["a"]), node("Softmax", ["a"], ["p"], axis=3), node("MatMul", ["p", "v2"], ["o"]),
          node("Transpose", ["o"], ["o1"], perm=[0, 2, 1, 3]), node("Reshape", ["o1", "rows"], ["y"])]
check("joint_projection", nodes, {"x": floats(1, 9, 32)}, joint, tolerance=5e-6, kernels=["attention"])

check("attention_op", [node("Attention", ["q", "k", "v"], ["y"], q_num_heads=4, kv_num_heads=2, is_causal=1)],
      {"q": floats(1, 19, 32), "k": floats(1, 19, 16), "v": floats(1, 19, 16)}, {}, tolerance=5e-6, opset=23, kernels=["attention"])
