# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# mpq-sensitivity against numpy. What a format makes of a weight is read from what mpq-quantize stores; the model, the
# softmax and the divergences are computed here.
#
# REQUIRES: numpy
# RUN: %python %s %t.dir
#
# ===----------------------------------------------------------------------===#
import functools
import os
import re
import subprocess
import sys

import numpy as np

FORMATS = ["int2", "int3:asym", "int4:g4:f16", "int8"]
work = sys.argv[1]
os.makedirs(work, exist_ok=True)
rng = np.random.RandomState(1)


@functools.lru_cache(maxsize=None)
def opt(module, *passes):
    """The module after the passes."""
    command = ["quant-opt", "-", "--pass-pipeline=builtin.module(" + ",".join(passes) + ")"]
    return subprocess.run(command, input=module, capture_output=True, text=True, check=True).stdout


def constant(name, array):
    return 'onnx.Constant {{value = dense<{0}> : {1}}} : {1} loc("{2}")'.format(
        np.array2string(array, separator=", ", threshold=10**6, max_line_width=10**6), tensor(array.shape), name)


def tensor(shape):
    return "tensor<%sxf32>" % "x".join(map(str, shape))


def errors(module):
    """[site][format] = error."""
    sites = re.findall(r'mpq.site .*', module)
    return np.array([[float(e) for e in re.findall(r"error = ([-+.eE0-9]+)", site)] for site in sites])


def stored(module, site, axis, fmt, shape):
    """The values that `site`, and all that it is tied to, has in `fmt`, decoded from the payload."""
    plan = os.path.join(work, "%s-%s.plan" % (site, fmt.replace(":", "-")))
    lines = []
    found = re.findall(r'mpq.site .* "(\w+)" axis \d (?:tie "(\w+)")?.*tensor<(.*)xf32>', opt(module, "mpq-sites"))
    ties = {name: tie or name for name, tie, _ in found}
    for name, tie, numbers in found:
        weights = np.prod([int(n) for n in numbers.split("x")])
        lines.append("%s | %s | %d | %s | f32" % (name, tie or "-", weights, fmt if ties[name] == ties[site] else "float"))
    with open(plan, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    quantized = opt(module, "mpq-apply-plan{file=%s}" % plan, "mpq-quantize")
    key = re.search(r"mpq.constant dense_resource<(\w+)>", quantized).group(1)
    payload = bytes.fromhex(re.search(key + r': "0x(\w+)"', quantized).group(1))[4:]
    bits = int(fmt[3])
    rows, k = shape[axis], int(np.prod(shape)) // shape[axis]
    row_bytes = (k * bits + 7) // 8
    codes = np.frombuffer(payload[: rows * row_bytes], np.uint8).reshape(rows, row_bytes)
    unpacked = np.unpackbits(codes, axis=1, bitorder="little")[:, : k * bits].reshape(rows, k, bits)
    codes = (unpacked * (1 << np.arange(bits))).sum(-1).astype(np.int64)
    group = int(fmt.split(":g")[1].split(":")[0]) if ":g" in fmt else k
    scale_type = np.dtype("<f2") if ":f16" in fmt else np.dtype("<f4")
    count = rows * (k // group)
    scales = np.frombuffer(payload, scale_type, count, rows * row_bytes).astype(np.float64)
    zeros = np.zeros(count)
    if ":asym" in fmt:
        zeros = np.frombuffer(payload, np.uint8, count, rows * row_bytes + count * scale_type.itemsize).astype(float)
    else:
        codes = np.where(codes >= 1 << (bits - 1), codes - (1 << bits), codes)
    expand = lambda v: np.repeat(v.reshape(rows, -1), group, axis=1)
    matrix = (codes - expand(zeros)) * expand(scales)
    return matrix.reshape(shape) if axis == 0 else matrix.T.reshape(shape)


def kl(reference, other):
    """Mean over the samples and rows, in nats."""
    def logs(x):
        x = x - x.max(-1, keepdims=True)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))
    p, q = logs(reference), logs(other)
    return (np.exp(p) * (p - q)).sum(-1).mean()


def cosines(x, y):
    return (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)


def cosine(reference, other):
    return 1 - cosines(reference, other).mean()


def similarity(reference, other):
    """What the cosines of all pairs of rows lose in correlation."""
    x, y = (v.reshape(-1, v.shape[-1]) for v in (reference, other))
    i, j = np.triu_indices(len(x), 1)
    return 1 - np.corrcoef(cosines(x[i], x[j]), cosines(y[i], y[j]))[0, 1]


def mse(reference, other):
    """Relative to the signal of each sample."""
    axes = tuple(range(1, reference.ndim))
    return (((other - reference) ** 2).sum(axes) / (reference**2).sum(axes)).mean()


DIVERGENCES = {"kl": kl, "cosine": cosine, "similarity": similarity, "mse": mse}


def check(name, module, data, weights, axes, run, metrics=("kl",), tied=()):
    """`run(weights)` computes the outputs of all samples. The first metric is the one by default. The weights `tied` to
    the one before them are replaced together with it."""
    path = os.path.join(work, name + ".npz")
    np.savez(path, **data)
    passes = ["mpq-sites{formats=%s}" % ",".join(FORMATS), "mpq-verify-planned"]
    score = "mpq-sensitivity{data=%s %s}"
    one = opt(module, *passes, score % (path, "threads=1"))
    assert one == opt(module, *passes, score % (path, "threads=2")), "threads change the result"
    assert set(re.findall(r'metric = "(\w+)"', one)) == {metrics[0]}, one
    by_metric = {metric: errors(opt(module, *passes, score % (path, "metric=" + metric))) for metric in metrics}
    np.testing.assert_array_equal(by_metric[metrics[0]], errors(one))
    decoded = {(site, fmt): stored(module, site, axes[site], fmt, weights[site].shape)
               for site in weights for fmt in FORMATS}
    reference = run(weights)
    for metric, measured in by_metric.items():
        assert measured.shape == (len(weights), len(FORMATS)), one
        expected = np.zeros_like(measured)
        for i, site in enumerate(weights):
            for j, fmt in enumerate(FORMATS):
                together = [site, *(tied if list(weights)[i + 1 : i + 2] == list(tied) else ())]
                if site not in tied:
                    expected[i, j] = DIVERGENCES[metric](reference, run({**weights, **{s: decoded[s, fmt] for s in together}}))
        np.testing.assert_allclose(measured, expected, rtol=2e-3, atol=1e-7)
        kept = [i for i, site in enumerate(weights) if site not in tied]
        assert (np.diff(measured[kept]) < 0).all(), measured  # more bits lose less
        print(name, metric, measured)

    # The metric without samples.
    expected = np.empty((len(weights), len(FORMATS)))
    squares = errors(opt(module, *passes, "mpq-sensitivity{metric=weight-mse}"))
    for i, site in enumerate(weights):
        for j, fmt in enumerate(FORMATS):
            expected[i, j] = ((decoded[site, fmt] - weights[site]) ** 2).sum()
    np.testing.assert_allclose(squares, expected, rtol=1e-5)


# Two layers: weights by rows and by columns.
a, b = rng.randn(16, 8).astype("f4"), rng.randn(16, 5).astype("f4")
x = rng.randn(32, 8).astype("f4")
check("mlp", """
func.func @main(%%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x5xf32> {onnx.name = "y"}) {
  %%a = %s
  %%0 = onnx.Gemm(%%x, %%a) {transB = 1} : (tensor<1x8xf32>, tensor<16x8xf32>) -> tensor<1x16xf32>
  %%1 = onnx.Relu(%%0) : (tensor<1x16xf32>) -> tensor<1x16xf32>
  %%b = %s
  %%2 = onnx.MatMul(%%1, %%b) : (tensor<1x16xf32>, tensor<16x5xf32>) -> tensor<1x5xf32>
  return %%2 : tensor<1x5xf32>
}
""" % (constant("a", a), constant("b", b)), {"x": x}, {"a": a, "b": b}, {"a": 0, "b": 1},
      lambda w: np.maximum(x.astype("f8") @ w["a"].T, 0) @ w["b"], ["kl", "cosine", "mse"])

# Embeddings, divided by their length: what counts is how similar they are to each other.
e = np.random.RandomState(2).randn(8, 6).astype("f4")
check("embedding", """
func.func @main(%%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x6xf32> {onnx.name = "y"}) {
  %%e = %s
  %%0 = onnx.MatMul(%%x, %%e) : (tensor<1x8xf32>, tensor<8x6xf32>) -> tensor<1x6xf32>
  %%axes = onnx.Constant {value = dense<-1> : tensor<1xi64>} : tensor<1xi64>
  %%1 = onnx.ReduceL2(%%0, %%axes) {keepdims = 1} : (tensor<1x6xf32>, tensor<1xi64>) -> tensor<1x1xf32>
  %%2 = onnx.Div(%%0, %%1) : (tensor<1x6xf32>, tensor<1x1xf32>) -> tensor<1x6xf32>
  return %%2 : tensor<1x6xf32>
}
""" % constant("e", e), {"x": x}, {"e": e}, {"e": 1},
      lambda w: x.astype("f8") @ w["e"] / np.linalg.norm(x.astype("f8") @ w["e"], axis=1, keepdims=True),
      ["similarity", "cosine", "mse", "kl"])

# Int8 activations: what the quantized site alone loses, beyond its weights, is added to each of its formats.
def uniform(x, low, high):
    """The reals that u8 codes of the range stand for, with zero among them."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255))
    zero = np.rint(-low / scale)
    return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale


np.savez(os.path.join(work, "activations.npz"), x=x)
w8 = rng.randn(5, 8).astype("f4")
model = """
func.func @main(%%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x5xf32> {onnx.name = "y"}) attributes {mpq.arg_ranges = [#mpq.range<%f, %f>]} {
  %%w = %s
  %%0 = onnx.Gemm(%%x, %%w) {transB = 1} : (tensor<1x8xf32>, tensor<5x8xf32>) -> tensor<1x5xf32>
  return %%0 : tensor<1x5xf32>
}
""" % (-1.5, 1.5, constant("w", w8))
formats = ["int3:asym", "int8"]
scored = errors(opt(model, "mpq-sites{formats=%s decide-activations}" % ",".join(formats),
                    "mpq-sensitivity{data=%s}" % os.path.join(work, "activations.npz")))[0]
decoded = {fmt: stored(model, "w", 0, fmt, w8.shape) for fmt in formats}
reference = x.astype("f8") @ w8.T
alone = [kl(reference, x.astype("f8") @ decoded[fmt].T) for fmt in formats]
clipped = uniform(x.astype("f8"), -1.5, 1.5)
added = kl(reference, clipped @ decoded["int8"].T) - alone[1]
assert added > 0.01, added
np.testing.assert_allclose(scored, [alone[0], alone[0] + added, alone[1], alone[1] + added], rtol=2e-3)

# Two products of one value: each alone makes codes of it for both, and together they lose that once.
v = np.random.RandomState(3).randn(5, 8).astype("f4")
model = """
func.func @main(%%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x5xf32> {onnx.name = "y"}) attributes {mpq.arg_ranges = [#mpq.range<%f, %f>]} {
  %%w = %s
  %%v = %s
  %%0 = onnx.Gemm(%%x, %%w) {transB = 1} : (tensor<1x8xf32>, tensor<5x8xf32>) -> tensor<1x5xf32>
  %%1 = onnx.Gemm(%%x, %%v) {transB = 1} : (tensor<1x8xf32>, tensor<5x8xf32>) -> tensor<1x5xf32>
  %%2 = onnx.Mul(%%0, %%1) : (tensor<1x5xf32>, tensor<1x5xf32>) -> tensor<1x5xf32>
  return %%2 : tensor<1x5xf32>
}
""" % (-1.5, 1.5, constant("w", w8), constant("v", v))
scored = errors(opt(model, "mpq-sites{formats=int8 decide-activations}",
                    "mpq-sensitivity{data=%s}" % os.path.join(work, "activations.npz")))
run = lambda i, a, b: (i @ a.T) * (i @ b.T)
reference = run(x.astype("f8"), w8, v)
for row, weights in zip(scored, ((stored(model, "w", 0, "int8", w8.shape), v), (w8, stored(model, "v", 0, "int8", v.shape)))):
    alone, both = kl(reference, run(x.astype("f8"), *weights)), kl(reference, run(clipped, *weights))
    np.testing.assert_allclose(row, [alone, alone + (both - alone) / 2], rtol=2e-3)

# A model that ends in probabilities; a table, which no kernel packs; a sample of several rows.
t, c = rng.randn(6, 8).astype("f4"), rng.randn(8, 4).astype("f4")
i = rng.randint(0, 6, (24, 2))
check("table", """
func.func @main(%%i: tensor<1x2xi64> {onnx.name = "i"}) -> (tensor<1x2x4xf32> {onnx.name = "y"}) {
  %%t = %s
  %%0 = onnx.Gather(%%t, %%i) : (tensor<6x8xf32>, tensor<1x2xi64>) -> tensor<1x2x8xf32>
  %%c = %s
  %%1 = onnx.MatMul(%%0, %%c) : (tensor<1x2x8xf32>, tensor<8x4xf32>) -> tensor<1x2x4xf32>
  %%2 = onnx.Softmax(%%1) : (tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  return %%2 : tensor<1x2x4xf32>
}
""" % (constant("t", t), constant("c", c)), {"i": i}, {"t": t, "c": c}, {"t": 0, "c": 1},
      lambda w: w["t"].astype("f8")[i] @ w["c"])

# A head that is tied to the table: rounded together, which counts for the table.
tied = np.ascontiguousarray(t.T)
check("tied", """
func.func @main(%%i: tensor<1x2xi64> {onnx.name = "i"}) -> (tensor<1x2x6xf32> {onnx.name = "y"}) {
  %%t = %s
  %%0 = onnx.Gather(%%t, %%i) : (tensor<6x8xf32>, tensor<1x2xi64>) -> tensor<1x2x8xf32>
  %%h = %s
  %%1 = onnx.MatMul(%%0, %%h) : (tensor<1x2x8xf32>, tensor<8x6xf32>) -> tensor<1x2x6xf32>
  return %%1 : tensor<1x2x6xf32>
}
""" % (constant("t", t), constant("h", tied)), {"i": i}, {"t": t, "h": tied}, {"t": 0, "h": 1},
      lambda w: w["t"].astype("f8")[i] @ w["h"], tied=["h"])
