# ===----------------------------------------------------------------------===#
# The example format against an independent codec, and its IR against the host:
#
# - no scale of a fine grid does better by more than 2 % than the payload that mpq-quantize stores;
# - a compiled model computes with exactly the weights that the payload stands for.
#
# REQUIRES: compiler, numpy, onnx
# RUN: cmake -G Ninja -S %mpq_src/examples/plugins/Quinary -B %t/build -DCMAKE_BUILD_TYPE=Release \
# RUN:   -DMPQ_DIR=%mpq_build/cmake && cmake --build %t/build
# RUN: %python %s %t/build/Quinary.so %t
# ===----------------------------------------------------------------------===#
import re
import subprocess
import sys

import numpy as np
import onnx

plugin, work = sys.argv[1:]


def make_model(weights, path):
    """y = x W^T, with rows of W as output channels."""
    rows, k = weights.shape
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "g",
        [value("x", onnx.TensorProto.FLOAT, ["n", k])], [value("y", onnx.TensorProto.FLOAT, ["n", rows])],
        [onnx.numpy_helper.from_array(weights, "w")])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)


def least_error(group):
    """The least squared error over a fine grid of scales."""
    group = group.astype(np.float64)
    scales = np.abs(group).max() * np.linspace(0.1, 0.6, 2000)[:, None] + 1e-300
    levels = np.clip(np.round(group / scales), -2, 2)
    return np.sum((group - scales * levels) ** 2, axis=1).min()


def decode(payload, rows, k, step):
    row_bytes, groups = -(-k // 3), -(-k // step)
    codes = payload[:rows * row_bytes].reshape(rows, row_bytes, 1) // np.array([1, 5, 25]) % 5
    codes = codes.reshape(rows, -1)[:, :k].astype(np.float32) - 2
    scales = payload[rows * row_bytes:].view("<f4").reshape(rows, groups)
    return codes * np.repeat(scales, step, axis=1)[:, :k]


def check(rows, k, group, weights):
    spelling = f"quinary:g{group}" if group else "quinary"
    model = f"{work}/m.onnx"
    make_model(weights, model)
    tool = [f"--load-dialect-plugin={plugin}", f"--formats={spelling}", "--metric=weight-mse", "--avg-bits=64"]
    subprocess.run(["quant-compile", model, *tool, "--emit=quantized", "--emit-weights=inline", "-o",
                    f"{work}/q.mlir"], check=True,
                   capture_output=True)
    text = open(f"{work}/q.mlir", encoding="utf-8").read()
    hexadecimal = re.search(r'w[^"\n]*: "0x([0-9A-Fa-f]+)"', text) or re.search(r'"0x([0-9A-Fa-f]+)"', text)
    payload = np.frombuffer(bytes.fromhex(hexadecimal[1])[4:], np.uint8)
    step = group or k
    assert len(payload) == rows * -(-k // 3) + rows * -(-k // step) * 4, len(payload)
    stored = decode(payload, rows, k, step)
    for row in range(rows):
        for begin in range(0, k, step):
            error = np.sum((weights[row, begin:begin + step].astype(np.float64) - stored[row, begin:begin + step]) ** 2)
            least = least_error(weights[row, begin:begin + step])
            assert error <= least * 1.02 + 1e-12, (rows, k, group, row, begin, error, least)

    subprocess.run(["quant-compile", model, *tool, "-o", f"{work}/m.so"], check=True, capture_output=True)
    identity = np.eye(k, dtype=np.float32)
    np.savez(f"{work}/x.npz", x=identity)
    subprocess.run(["quant-run", f"{work}/m.so", f"--input={work}/x.npz", f"--output={work}/y.npz"], check=True,
                   capture_output=True)
    result = np.load(f"{work}/y.npz")["y"]
    assert np.array_equal(result, stored.T), (rows, k, group)


generator = np.random.default_rng(0)
for rows, k, group in [(1, 1, 0), (2, 4, 0), (3, 5, 0), (4, 6, 0), (5, 33, 0), (16, 64, 32), (7, 33, 32), (17, 70, 16)]:
    check(rows, k, group, generator.standard_normal((rows, k)).astype(np.float32))
check(2, 8, 0, np.zeros((2, 8), np.float32))
check(2, 8, 4, np.array([[1, -1, 1, 1, 0, 0, 0, 0], [0, 0, 0, -3, 1e-30, 2, -2, 2]], np.float32))
