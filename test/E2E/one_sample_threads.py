# One sample is the same, bit for bit, for any number of threads that share it, and in any batch: models of random
# shapes, whose kernels are split wherever they can be, however small they are.
#
# REQUIRES: onnxruntime
# RUN: %python %s %t
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mpq import Model

work = pathlib.Path(sys.argv[1])
work.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(7)
split_calls = []  # of each model


def weight(name, *shape):
    return numpy_helper.from_array((random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name)


def numbers(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def convolutions(channels, height, width):
    """Convolutions of all kinds: direct, with a stride, depthwise, by Winograd's algorithm; a residual, one of every second
    pixel with more channels; pools, a function of all pixels, and a product."""
    c, h, w = channels, height, width
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "b"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["m"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Tanh", ["m"], ["u"]),
        helper.make_node("Conv", ["u", "w2"], ["e"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=c),
        helper.make_node("Conv", ["e", "w3"], ["f"], kernel_shape=[1, 1], strides=[2, 2]),
        helper.make_node("Slice", ["d", "starts", "ends", "axes", "steps"], ["o"]),
        helper.make_node("Pad", ["o", "pads"], ["r"]),
        helper.make_node("Add", ["f", "r"], ["t"]),
        helper.make_node("GlobalAveragePool", ["t"], ["g"]),
        helper.make_node("Flatten", ["g"], ["i"]),
        helper.make_node("MatMul", ["i", "w4"], ["y"]),
    ]
    weights = [weight("w0", c, 3, 3, 3), weight("w1", c, c, 3, 3), weight("w2", c, 1, 3, 3), weight("w3", 2 * c, c, 1, 1),
               weight("w4", 2 * c, 37), *(numbers(name, *values) for name, values in (
                   ("starts", (0, 0)), ("ends", (h, w)), ("axes", (2, 3)), ("steps", (2, 2)),
                   ("pads", (0, c // 2, 0, 0, 0, c - c // 2, 0, 0))))]
    return nodes, weights, ["N", 3, h, w], ["N", 37]


def products(depth, columns, heads):
    """Rows of any number: products, normalization, softmax, matrices of activations."""
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["q"]),
        helper.make_node("MatMul", ["x", "w1"], ["k"]),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "q"], ["v"]),
        helper.make_node("LayerNormalization", ["v", "scale", "bias"], ["n"], axis=-1),
        helper.make_node("MatMul", ["n", "w2"], ["y"]),
    ]
    weights = [weight("w0", depth, columns), weight("w1", depth, columns), weight("w2", columns, heads * 5 + 1),
               weight("scale", columns), weight("bias", columns)]
    return nodes, weights, ["N", "T", depth], ["N", "T", heads * 5 + 1]


def compile_model(name, parts, *options):
    nodes, weights, x, y = parts
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), work / f"{name}.onnx")
    placed, kernels, library = (work / f"{name}{end}" for end in ("-placed.mlir", ".mlir", ".so"))
    samples = sample(x, 4, 9)
    np.savez(work / f"{name}.npz", x=samples)
    for command in (["quant-compile", work / f"{name}.onnx", *options, "--emit=bufferized", "-o", placed],
                    ["quant-opt", placed, "--pass-pipeline=builtin.module(mpq-kernel-pipeline{part-ns=0})", "-o", kernels],
                    ["quant-compile", kernels, "-o", library]):
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    split_calls.append(kernels.read_text(encoding="utf-8", errors="replace").count("mpq.parts"))
    return library


def sample(shape, count, length):
    return random.standard_normal([{"N": count, "T": length}.get(size, size) for size in shape]).astype(np.float32)


def check(library, shape):
    alone = Model(library, threads=1)
    for length in (1, 9, 32, 33) if "T" in shape else (0,):
        x = sample(shape, 10, length)
        expected = np.concatenate([alone.run({"x": x[i:i + 1]})["y"] for i in range(len(x))])
        assert np.isfinite(expected).all() and expected.std() > 0
        for threads in (2, 3, 7):
            model = Model(library, threads=threads)
            for batch in (1, 2, 5):
                for start in range(0, len(x), batch):
                    result = model.run({"x": x[start:start + batch]})["y"]
                    assert np.array_equal(result, expected[start:start + batch]), (
                        f"{library}: {threads} threads, batch {batch}, sample {start}, length {length}")


for number, sizes in enumerate([(16, 8, 8), (5, 7, 9), (24, 13, 4)]):
    parts = convolutions(*sizes)
    for kind, options in (("f32", []), ("winograd", ["--float-tolerance=1e-3"])):
        check(compile_model(f"conv{number}-{kind}", parts, *options), parts[2])
    np.savez(work / "calib.npz", x=sample(parts[2], 8, 0))
    int8 = [f"--calibration={work / 'calib.npz'}", "--avg-bits=9", "--activations=int8", "--metric=weight-mse", "--refine=0"]
    check(compile_model(f"conv{number}-int8", parts, *int8), parts[2])
for number, sizes in enumerate([(64, 48, 3), (33, 17, 8)]):
    parts = products(*sizes)
    for kind, options in (("f32", []), ("products", ["--activation-products=int8"]),
                          ("int4", ["--avg-bits=5", "--metric=weight-mse"]),
                          ("int8", ["--avg-bits=9", "--metric=weight-mse", "--activations=int8"])):
        check(compile_model(f"rows{number}-{kind}", parts, *options), parts[2])

# A model of one tile has nothing to split; most have.
assert sum(count >= 3 for count in split_calls) >= len(split_calls) / 2, split_calls
