# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The lowerings of the op families, run, against onnxruntime. All cases are one model, whose inputs are constants; it
# is lowered through LoweringOpInterface (OnnxLower.cpp), by MLIR's own passes to LLVM, and run by mlir-runner.
#
# RUN: %python %s %t %mpq_lib/OnnxLower.so
# REQUIRES: onnxruntime
# ===----------------------------------------------------------------------===#
import os
import re
import subprocess
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save

folder, plugin = sys.argv[1:3]
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(1)
F = np.float32


def floats(*shape):
    return rng.standard_normal(shape).astype(F)


def ints(*values):
    return np.array(values, np.int64)


x = floats(2, 3, 5)
positive = np.abs(x) + F(0.1)
unit = np.tanh(x)
some = rng.integers(-9, 9, (2, 3, 5)).astype(np.int64)
truth = some > 0

# (op, inputs, attributes); an input None is a missing one.
CASES = [(op, [x], {}) for op in
         ["Abs", "Neg", "Exp", "Erf", "Ceil", "Floor", "Round", "Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh", "Tan", "Sign",
          "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Mish", "LeakyRelu", "ThresholdedRelu", "HardSwish", "HardSigmoid",
          "Elu", "Selu", "Celu", "Gelu", "Identity", "Dropout", "Flatten", "Transpose", "LogSoftmax", "IsNaN"]]
CASES += [(op, [positive], {}) for op in ["Log", "Sqrt", "Reciprocal"]]
CASES += [(op, [unit], {}) for op in ["Asin", "Acos", "Atanh"]]
CASES += [("Acosh", [positive + F(1)], {}), ("Not", [truth], {}), ("Gelu", [x], {"approximate": "tanh"}), ("Neg", [some], {}), ("Dropout", [x, np.array(0.5, F), np.array(False)], {}),
          ("LeakyRelu", [x], {"alpha": 0.3}), ("Celu", [x], {"alpha": 2.0}), ("Relu", [np.array([np.nan, -1, 1], F)], {}),
          ("Exp", [np.array(1.5, F)], {}), ("Relu", [np.zeros((0, 3), F)], {})]
CASES += [(op, [x, floats(3, 1)], {}) for op in ["Add", "Sub", "Mul", "Div", "Max", "Min", "Less", "Greater", "LessOrEqual",
                                                 "GreaterOrEqual", "PRelu"]]
CASES += [("Add", [x, floats(4, 1, 3, 1)[:, :, :, :]], {}), ("Equal", [some, np.array(3)], {}), ("Pow", [positive, floats(5)], {}),
          ("Pow", [x, ints(2)], {}), ("Div", [some, ints(-4)], {}), ("Mod", [some, ints(-4)], {}), ("Mod", [x, np.array([1.5], F)], {"fmod": 1}),
          ("And", [truth, ~truth], {}), ("Or", [truth, ~truth], {}), ("Xor", [truth, truth], {}), ("Sum", [x, x, floats(1)], {}),
          ("Max", [x, floats(5), np.array(0.1, F)], {}), ("Mean", [x, floats(5), x], {}), ("Where", [truth, x, floats(5)], {}),
          ("Clip", [x, None, np.array(0.5, F)], {}), ("Clip", [x, np.array(-0.5, F)], {}), ("Clip", [x, np.array(-0.5, F), np.array(0.2, F)], {}),
          ("Cast", [x * 3], {"to": TensorProto.INT64}), ("Cast", [x], {"to": TensorProto.BOOL}), ("Cast", [truth], {"to": TensorProto.FLOAT}),
          ("Cast", [some], {"to": TensorProto.INT32}), ("Cast", [x], {"to": TensorProto.FLOAT16}), ("CastLike", [some, x], {})]
# Softmax, like MatMul, is for kernels: test/Conversion/OnnxToMPQ.
CASES += [("LogSoftmax", [x], {"axis": a}) for a in (0, 1)] + [("LogSoftmax", [x * 100], {})]
CASES += [(op, [x, ints(*axes)], {"keepdims": keep}) for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"]
          for axes, keep in (((1,), 1), ((-1, 0), 0))]
CASES += [(op, [x, ints(1)], {}) for op in ["ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]]
CASES += [("ReduceLogSum", [positive, ints(1)], {}), ("ReduceSum", [x], {}), ("ReduceMax", [some, ints(1)], {}), ("ReduceSum", [x], {"noop_with_empty_axes": 1})]
CASES += [("Reshape", [x, ints(5, -1)], {}), ("Reshape", [x, ints(0, 15)], {}), ("Reshape", [x, ints(3, 2, 5)], {}), ("Reshape", [x[:1, :1, :1], np.zeros(0, np.int64)], {}),
          ("Reshape", [np.array(2, F), ints(1, 1)], {}), ("Squeeze", [x[:1], ints(0)], {}), ("Squeeze", [x[:1, :, :1]], {}), ("Unsqueeze", [x, ints(0, -1)], {}), ("Flatten", [x], {"axis": 3}),
          ("Flatten", [x], {"axis": 0}), ("Transpose", [x], {"perm": [1, 0, 2]}), ("Concat", [x, x[:, :1], x[:, :0]], {"axis": 1}), ("Concat", [x, x], {"axis": -1}),
          ("Slice", [x, ints(1), ints(5), ints(2)], {}), ("Slice", [x, ints(-1, 0), ints(-9, 9), ints(2, 1), ints(-2, 2)], {}), ("Slice", [x, ints(3), ints(1), ints(2)], {}),
          ("Slice", [x, ints(2**63 - 1), ints(-2**63), ints(1), ints(-1)], {}),
          ("Pad", [x, ints(0, 1, 2, 0, 0, 1)], {}), ("Pad", [x, ints(0, 1, 2, 0, 0, 1), np.array(7, F)], {}), ("Pad", [x, ints(0, -1, 1, 0, 0, -2)], {}), ("Pad", [x, ints(1, 2), None, ints(-1)], {}),
          ("Gather", [x, ints(2, 0, -1).reshape(1, 3)], {"axis": 1}), ("Gather", [x, np.array(1)], {}), ("Expand", [x[:, :1], ints(4, 1, 3, 1)], {}), ("Expand", [np.array(2, F), ints(2, 2)], {}),
          ("Tile", [x, ints(1, 2, 3)], {}), ("Shape", [x], {}), ("Shape", [x], {"start": 1, "end": -1}), ("Size", [x], {}), ("ConstantOfShape", [ints(2, 3)], {}),
          ("ConstantOfShape", [ints(2)], {"value": helper.make_tensor("v", TensorProto.INT64, [1], [5])}), ("Split", [x], {"axis": 2, "num_outputs": 2}),
          ("Split", [x, ints(1, 2)], {"axis": 1})]
CASES += [("Pad", [x, ints(1, 2, 3, 0, 1, 4)], {"mode": mode}) for mode in ("edge", "reflect")] + [("Pad", [x, ints(1, 2, 3, 0, 1, 4)], {"mode": "wrap"})]


def build():
    """The model, and the case that each output belongs to."""
    nodes, constants, outputs, owners = [], [], [], []
    for number, (op, inputs, attributes) in enumerate(CASES):
        names = []
        for index, value in enumerate(inputs):
            names.append("" if value is None else "c%d_%d" % (number, index))
            if value is not None:
                constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), names[-1]))
        results = ["r%d_%d" % (number, i) for i in range(2 if op == "Split" else 1)]
        nodes.append(helper.make_node(op, names, results, name="%s_%d" % (op, number), **attributes))
        for result in results:
            nodes.append(helper.make_node("Cast", [result], ["y" + result], to=TensorProto.FLOAT))
            outputs.append(helper.make_tensor_value_info("y" + result, TensorProto.FLOAT, None))
            owners.append(number)
    graph = helper.make_graph(nodes, "lowering", [], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), owners


PIPELINE = ("builtin.module(func.func(mpq-onnx-infer-shapes),test-onnx-lower,one-shot-bufferize{bufferize-function-boundaries},"
            "func.func(convert-linalg-to-loops),lower-affine,convert-scf-to-cf,expand-strided-metadata,convert-math-to-libm,convert-math-to-llvm,"
            "arith-expand,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,convert-index-to-llvm,reconcile-unrealized-casts)")


def compute(path):
    """What the compiled model prints, as one array of numbers per output."""
    lowered = path + ".mlir"
    subprocess.run(["quant-opt", path, "--load-pass-plugin=" + plugin, "--pass-pipeline=" + PIPELINE,
                    "--emit-weights=inline", "-o", lowered], check=True)
    llvm = os.path.dirname(os.path.dirname(os.path.realpath(subprocess.run(["which", "mlir-runner"], capture_output=True, text=True, check=True).stdout.strip())))
    libraries = ",".join(os.path.join(llvm, "lib", n) for n in ("libmlir_runner_utils.so", "libmlir_c_runner_utils.so"))
    text = subprocess.run(["mlir-runner", lowered, "-e", "main", "--entry-point-result=void", "--shared-libs=" + libraries],
                          capture_output=True, text=True, check=True).stdout
    results = []
    for block in text.split("Unranked Memref")[1:]:
        sizes = re.search(r"sizes = \[([^\]]*)\]", block).group(1)
        shape = tuple(int(s) for s in sizes.split(",") if s.strip())
        data = re.findall(r"-?(?:nan|inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)", block.split("data =")[1])
        results.append(np.array([float(d) for d in data], np.float64).reshape(shape) if 0 not in shape else np.zeros(shape))
    return results


model, owners = build()
path = os.path.join(folder, "lowering.onnx")
save(model, path)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {})
got = compute(path)
bad = len(got) != len(expected)
for owner, want, have in zip(owners, expected, got):
    # Six digits are printed.
    if want.shape != have.shape or not np.allclose(want, have, rtol=2e-5, atol=2e-6, equal_nan=True):
        bad = True
        op, inputs, attributes = CASES[owner]
        print("%s %s: expected %s\n%s\ngot %s\n%s" % (op, attributes, want.shape, want, have.shape, have))
print("%d cases, %d outputs, %s" % (len(CASES), len(expected), "failed" if bad else "all equal"))
sys.exit(bad)
