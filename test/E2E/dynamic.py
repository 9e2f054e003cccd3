# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Models with dynamic dimensions beside the batch: what the library computes for many sizes is what onnxruntime
# computes; its interface names the sizes; and sizes that do not fit are refused with a reason.
#
# REQUIRES: onnxruntime
# RUN: %python %s %t
# ===----------------------------------------------------------------------===#
import ctypes
import itertools
import os
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mpq import Model, tools
from mpq.errors import RunError

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(1)
FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


class Graph:
    """A model that is written down node by node."""

    def __init__(self, name, inputs):
        self.name, self.nodes, self.constants = name, [], []
        self.inputs = [helper.make_tensor_value_info(n, t, dims) for n, (t, dims) in inputs.items()]

    def const(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def __call__(self, op, *inputs, **attributes):
        names = [self.const(x) if isinstance(x, np.ndarray) else x for x in inputs]
        out = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], name=out, **attributes))
        return out

    def save(self, *outputs):
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, infos, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = os.path.join(folder, self.name + ".onnx")
        with open(path, "wb") as file:
            file.write(model.SerializeToString())
        return path


def rows():
    g = Graph("rows", {"x": (FLOAT, ["N", "T", 8])})
    return g.save(g("Relu", g("MatMul", "x", floats(8, 5))))


def tied():
    g = Graph("tied", {"a": (FLOAT, ["N", "T", 4]), "b": (FLOAT, ["N", "T", 1]), "c": (FLOAT, ["N", "U", 4])})
    both = g("Concat", g("Mul", "a", "b"), "c", axis=1)
    return g.save(both, g("ReduceMean", both, axes=[1], keepdims=0), g("Reshape", "a", ints(0, -1)))


def unnamed():
    g = Graph("unnamed", {"x": (FLOAT, ["N", None, 3])})
    return g.save(g("Transpose", g("Slice", "x", ints(1), ints(-1), ints(1)), perm=[0, 2, 1]))


def attention():
    """Token and position embeddings, one head with a causal mask, a head of 6 logits."""
    g = Graph("attention", {"ids": (INT32, ["N", "T"])})
    length = g("Slice", g("Shape", "ids"), ints(1), ints(2))
    x = g("Add", g("Gather", floats(20, 8), "ids"), g("Slice", floats(16, 8), ints(0), length, ints(0)))
    q, k, v = (g("Transpose", g("Reshape", g("MatMul", x, floats(8, 8)), ints(0, 0, 2, 4)), perm=p)
               for p in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    causal = np.triu(np.full((16, 16), -1e9, np.float32), 1)
    mask = g("Slice", causal, ints(0, 0), g("Concat", length, length, axis=0), ints(0, 1))
    weights = g("Softmax", g("Add", g("MatMul", q, k), mask), axis=-1)
    y = g("Reshape", g("Transpose", g("MatMul", weights, v), perm=[0, 2, 1, 3]), ints(0, 0, 8))
    return g.save(g("MatMul", g("Add", x, y), floats(8, 6)))


def computed_mask():
    """The mask is made of the sizes: Range, Less, Where, Expand, ConstantOfShape."""
    g = Graph("computed_mask", {"x": (FLOAT, ["N", "T", 4])})
    length = g("Gather", g("Shape", "x"), np.array(1, np.int64))
    steps = g("Range", np.array(0, np.int64), length, np.array(1, np.int64))
    before = g("Less", g("Unsqueeze", steps, ints(0)), g("Unsqueeze", steps, ints(1)))
    keep = g("Where", before, np.array(1, np.float32), np.array(0.5, np.float32))
    square = g("Concat", g("Unsqueeze", length, ints(0)), g("Unsqueeze", length, ints(0)), axis=0)
    ones = g("Expand", g("ConstantOfShape", g("Unsqueeze", length, ints(0))), square)
    scale = g("Cast", g("Mul", length, np.array(2, np.int64)), to=FLOAT)
    return g.save(g("Div", g("MatMul", g("Add", keep, ones), "x"), scale))


def whole_batch():
    """Samples are not independent: the batch is a size like any other."""
    g = Graph("whole_batch", {"x": (FLOAT, ["N", 4])})
    return g.save(g("Softmax", "x", axis=0), g("Gemm", "x", floats(4, 3), floats(3)))


def make(session, sizes, tokens):
    """Inputs of these sizes."""
    arrays = {}
    for info in session.get_inputs():
        shape = [size if isinstance(size, int) else sizes.get(size, sizes["T"]) for size in info.shape]
        arrays[info.name] = floats(*shape) if "float" in info.type else rng.integers(-tokens, tokens, shape, np.int32)
    return arrays


def check(path, lengths=(1, 2, 3, 7, 8, 9, 16), dims=None):
    """The library for all sizes, beside onnxruntime; the names of its dimensions."""
    library = path.replace(".onnx", ".so")
    tools.compile_model(path, library)
    model, session = Model(library), onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if dims is not None:
        assert [info.dims for info in model.outputs] == dims, [info.dims for info in model.outputs]
    for batch, length in itertools.product((1, 3), lengths):
        inputs = make(session, {"N": batch, "T": length, "U": length + 1}, 20)
        outputs = model.run(inputs)
        for info, expected in zip(session.get_outputs(), session.run(None, inputs)):
            got = outputs[info.name]
            assert got.shape == expected.shape, (path, info.name, got.shape, expected.shape)
            assert np.allclose(got, expected, rtol=1e-5, atol=1e-5), (path, info.name, batch, length)
    return model


def refused(model, inputs, *words):
    try:
        model.run(inputs)
    except RunError as error:
        assert all(word in str(error) for word in words), error
        return
    raise AssertionError(f"{words}: not refused")


class Tensor(ctypes.Structure):
    """DLPack's DLTensor, for shapes that no array has."""

    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.c_void_p), ("offset", ctypes.c_uint64)]


def refuse_shape(path, shape, code, bits, word):
    """What mpq_model_output_shape and mpq_model_run say to an input of this shape, which has no data."""
    library = ctypes.CDLL(path.replace(".onnx", ".so"))
    library.mpq_model_create.restype = ctypes.c_void_p
    library.mpq_model_last_error.restype = ctypes.c_char_p
    model = ctypes.c_void_p(library.mpq_model_create(1))
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    tensor = Tensor(None, (ctypes.c_int32 * 2)(1, 0), len(shape), code, bits, 1, sizes, None, 0)
    out = Tensor(None, (ctypes.c_int32 * 2)(1, 0), len(shape), 2, 32, 1, sizes, None, 0)
    inputs, outputs = ctypes.pointer(ctypes.pointer(tensor)), ctypes.pointer(ctypes.pointer(out))
    assert library.mpq_model_run(model, inputs, outputs) != 0, shape
    assert word in library.mpq_model_last_error().decode(), library.mpq_model_last_error()
    library.mpq_model_destroy(model)


matmul = rows()
check(matmul, dims=[("N", "T", "")])
model = check(tied(), dims=[("N", "T + U", ""), ("N", ""), ("N", "T * 4")])
refused(model, {"a": floats(2, 3, 4), "b": floats(2, 4, 1), "c": floats(2, 1, 4)},
        "input 'b'", "dimension 1 is 4 when it should be 3, the T of 'a'")
refused(model, {"a": floats(2, 3, 4), "b": floats(2, 3, 1), "c": floats(1, 1, 4)},
        "input 'c'", "dimension 0 is 1 when it should be 2, the batch of 'a'")
refused(model, {"a": floats(2, 0, 4), "b": floats(2, 0, 1), "c": floats(2, 1, 4)},
        "input 'a'", "dimension 1 is 0 when it should be 1 or more")
assert model.run({"a": floats(0, 3, 4), "b": floats(0, 3, 1), "c": floats(0, 2, 4)})["concat1"].shape == (0, 5, 4)
model = check(unnamed(), lengths=(3, 7), dims=[("N", "", "x.1 - 2")])
refused(model, {"x": floats(1, 1, 3)}, "x.1 = 1", "slice0", "2 <= x.1")
path = attention()
model = check(path, dims=[("N", "T", "")])
refused(model, {"ids": np.zeros((1, 17), np.int32)}, "T = 17", "T <= 16")
refuse_shape(path, [1, 2**40], 0, 32, "T <= 16")
check(computed_mask())
check(whole_batch(), dims=[("N", ""), ("N", "")])
refuse_shape(matmul, [1, 2**40, 8], 2, 32, "output 'relu1': dimension 2 is 8 when it should be 5")
for huge in (2**61, 2**63 - 1):
    refuse_shape(matmul, [1, huge, 8], 2, 32, "exceeds the address space")
