# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Times the products of quant-bench beside onnxruntime's MatMulNBits and llama.cpp's kernels.

    python -m mpq.products --rows 1 8 512 --threads 1 2                      what is installed of the peers
    python -m mpq.products --weight int2:g128:f16 --rows 1 --hot --ggml DIR  llama.cpp's libraries from a folder

Each takes its turn of some milliseconds, round by round, so that a clock that drifts and what else the machine does hit
all alike; quant-bench does so in a process of its own, which sleeps while it is not its turn. Cold weights: every call
has a matrix of its own, 256 MiB of them (the peers' 64 MiB from 64 rows on) and two at least. All quantize the
activations (f32) themselves. Prints, for each number of rows and threads, median milliseconds of one product, and how
many times as long a peer takes (the median over rounds).

onnxruntime: blocks of 32 and of 128, accuracy_level 4 (int8 activations). llama.cpp: the libraries that the package
llama-cpp-python brings along. Have it built for this CPU, by the best compiler that there is:

    CMAKE_ARGS="-DGGML_NATIVE=ON" pip install --no-binary llama-cpp-python llama-cpp-python
"""
from __future__ import annotations

import argparse
import ctypes
import importlib.util
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

from .compiler import find_tool
from .peers import bind_session

COLD_BYTES = 256 << 20
MANY_ROWS, COLD_BYTES_MANY_ROWS = 64, 64 << 20


def count_copies(matrix_bytes: int, problem: Problem) -> int:
    """Where each byte is used for many rows, what the caches keep of a matrix saves next to nothing."""
    if not problem.cold:
        return 1
    return max(2, -(-(COLD_BYTES if problem.m < MANY_ROWS else COLD_BYTES_MANY_ROWS) // matrix_bytes))


class Problem:
    """Y = X W: X of m x k random numbers, W of k x n such that Y is of the order of 1."""

    def __init__(self, m: int, n: int, k: int, cold: bool, threads: int):
        self.m, self.n, self.k, self.cold, self.threads = m, n, k, cold, threads
        random = np.random.default_rng(1)
        self.x = random.standard_normal((m, k), np.float32)
        self.w = random.standard_normal((n, k), np.float32) / np.float32(np.sqrt(k))

    def check(self, name: str, y: np.ndarray) -> None:
        """Ternary weights keep some 0.7 of a normal distribution's correlation; anything below is another product."""
        wanted = self.x[:4] @ self.w.T
        correlation = float(np.corrcoef(y[:4].ravel(), wanted.ravel())[0, 1])
        if not correlation > 0.6:
            raise RuntimeError(f"{name} computes something else: the correlation with the float product is "
                               f"{correlation:.3f}")


class Ours:
    """A quant-bench process that measures when it is told to."""

    def __init__(self, problem: Problem, weight: str, isa: str):
        self.name = f"mpq {weight}"
        words = (f"mpgemm m={problem.m} n={problem.n} k={problem.k} w={weight} a=int8 threads={problem.threads} "
                 f"{'cold' if problem.cold else 'hot'}" + (f" isa={isa}" if isa else ""))
        self.process = subprocess.Popen([find_tool("quant-bench", None), "--turns", words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"quant-bench did not get ready for '{words}'")
        self.roofs: list[float] = []

    def turn(self, seconds: float) -> float:
        print(seconds, file=self.process.stdin, flush=True)
        time_, fraction = map(float, self.process.stdout.readline().split())
        self.roofs.append(fraction)
        return time_

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Calls:
    """A peer in this process: `run` does `products` products."""

    def __init__(self, name: str, run, products: int):
        self.name, self.run, self.products = name, run, products

    def turn(self, seconds: float) -> float:
        times = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            self.run()
            times.append((time.perf_counter() - start) / self.products)
        return statistics.median(times)

    def close(self) -> None:
        self.run = None


def quantize_blocks(w: np.ndarray, bits: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Unsigned codes with the zero point in the middle, packed low bits first, and scales: MatMulNBits' operands."""
    n, k = w.shape
    blocks = w.reshape(n, k // block, block)
    middle = 1 << (bits - 1)
    scales = np.abs(blocks).max(axis=2, keepdims=True) / np.float32(middle - 0.5)
    codes = np.clip(np.rint(blocks / scales) + middle, 0, 2 * middle - 1).astype(np.uint8)
    packed = np.zeros((n, k // block, block * bits // 8), np.uint8)
    for i in range(8 // bits):
        packed |= codes[:, :, i::8 // bits] << (i * bits)
    return packed, scales.reshape(-1)


def make_onnxruntime(problem: Problem, bits: int, block: int) -> Calls:
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper

    packed, scales = quantize_blocks(problem.w, bits, block)
    copies = count_copies(packed.nbytes + scales.nbytes, problem)
    nodes, outputs, constants = [], [], []
    for i in range(copies):
        constants += [numpy_helper.from_array(packed, f"w{i}"), numpy_helper.from_array(scales, f"s{i}")]
        outputs.append(helper.make_tensor_value_info(f"y{i}", onnx.TensorProto.FLOAT, [problem.m, problem.n]))
        nodes.append(helper.make_node("MatMulNBits", ["x", f"w{i}", f"s{i}"], [f"y{i}"], domain="com.microsoft",
                                      K=problem.k, N=problem.n, bits=bits, block_size=block, accuracy_level=4))
        packed = packed.copy()
        packed.flat[0] ^= i + 1  # onnxruntime shares constants that are equal
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [problem.m, problem.k])]
    model = helper.make_model(helper.make_graph(nodes, "products", inputs, outputs, constants), ir_version=10,
                              opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = problem.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    run = bind_session(session, {"x": problem.x})
    name = f"onnxruntime {bits} bits, block {block}"
    problem.check(name, run()["y0"])
    return Calls(name, run, copies)


class Ggml:
    """The few functions of ggml's C interface that a matrix product needs."""

    TYPES = {"q4_0": 2, "q2_K": 10, "q4_K": 12, "tq2_0": 35}

    class InitParams(ctypes.Structure):
        _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]

    def __init__(self, folder: pathlib.Path):
        # In the order in which they need each other.
        names = ["libggml-base.so", "libggml-cpu.so"]
        self.libraries = [ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL) for name in names]
        pointer, size, integer = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        self.declare("ggml_init", pointer, self.InitParams)
        self.declare("ggml_free", None, pointer)
        self.declare("ggml_new_tensor_2d", pointer, pointer, integer, ctypes.c_int64, ctypes.c_int64)
        self.declare("ggml_mul_mat", pointer, pointer, pointer, pointer)
        self.declare("ggml_new_graph_custom", pointer, pointer, size, ctypes.c_bool)
        self.declare("ggml_build_forward_expand", None, pointer, pointer)
        self.declare("ggml_nbytes", size, pointer)
        self.declare("ggml_quantize_chunk", size, integer, pointer, pointer, ctypes.c_int64, ctypes.c_int64,
                     ctypes.c_int64, pointer)
        self.declare("ggml_backend_cpu_init", pointer)
        self.declare("ggml_backend_cpu_set_n_threads", None, pointer, integer)
        self.declare("ggml_backend_cpu_reg", pointer)
        self.declare("ggml_backend_cpu_buffer_type", pointer)
        self.declare("ggml_backend_reg_dev_get", pointer, pointer, size)
        self.declare("ggml_backend_reg_get_proc_address", pointer, pointer, ctypes.c_char_p)
        self.declare("ggml_backend_buft_name", ctypes.c_char_p, pointer)
        self.declare("ggml_backend_alloc_ctx_tensors_from_buft", pointer, pointer, pointer)
        self.declare("ggml_backend_buffer_free", None, pointer)
        self.declare("ggml_backend_tensor_set", None, pointer, pointer, size, size)
        self.declare("ggml_backend_tensor_get", None, pointer, pointer, size, size)
        self.declare("ggml_backend_graph_compute", integer, pointer, pointer)
        self.declare("ggml_backend_free", None, pointer)

    def declare(self, name: str, result, *arguments) -> None:
        function = next(getattr(library, name) for library in reversed(self.libraries) if hasattr(library, name))
        function.restype, function.argtypes = result, arguments
        setattr(self, name.removeprefix("ggml_"), function)

    def find_repack(self):
        """The buffers whose weights are rearranged for this CPU's kernels."""
        register = self.backend_cpu_reg()
        address = self.backend_reg_get_proc_address(register, b"ggml_backend_dev_get_extra_bufts")
        if not address:
            return None
        get = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)(address)
        kinds = get(self.backend_reg_dev_get(register, 0))
        for i in range(16):
            if not kinds or not kinds[i]:
                return None
            if self.backend_buft_name(kinds[i]) == b"CPU_REPACK":
                return kinds[i]
        return None


class GgmlProducts(Calls):
    def __init__(self, ggml: Ggml, problem: Problem, kind: str, repack: bool):
        self.ggml = ggml
        type_ = ggml.TYPES[kind]
        data = np.empty(problem.w.nbytes, np.uint8)
        size = ggml.quantize_chunk(type_, problem.w.ctypes.data, data.ctypes.data, 0, problem.n, problem.k, None)
        copies = count_copies(size, problem)
        self.contexts = [ggml.init(Ggml.InitParams((1 << 20) + 4096 * copies, None, True)) for _ in range(2)]
        weights = [ggml.new_tensor_2d(self.contexts[0], type_, problem.k, problem.n) for _ in range(copies)]
        x = ggml.new_tensor_2d(self.contexts[1], 0, problem.k, problem.m)
        products = [ggml.mul_mat(self.contexts[1], w, x) for w in weights]
        self.graph = ggml.new_graph_custom(self.contexts[1], max(64, 2 * copies), False)
        for y in products:
            ggml.build_forward_expand(self.graph, y)
        plain = ggml.backend_cpu_buffer_type()
        self.buffers = [ggml.backend_alloc_ctx_tensors_from_buft(self.contexts[0],
                                                                 ggml.find_repack() if repack else plain),
                        ggml.backend_alloc_ctx_tensors_from_buft(self.contexts[1], plain)]
        for w in weights:
            ggml.backend_tensor_set(w, data.ctypes.data, 0, size)
        ggml.backend_tensor_set(x, problem.x.ctypes.data, 0, problem.x.nbytes)
        self.backend = ggml.backend_cpu_init()
        ggml.backend_cpu_set_n_threads(self.backend, problem.threads)
        name = f"llama.cpp {kind}" + (" repacked" if repack else "")
        super().__init__(name, lambda: ggml.backend_graph_compute(self.backend, self.graph), copies)
        self.run()
        y = np.empty((problem.m, problem.n), np.float32)
        ggml.backend_tensor_get(products[0], y.ctypes.data, 0, y.nbytes)
        problem.check(name, y)

    def close(self) -> None:
        self.ggml.backend_free(self.backend)
        for buffer in self.buffers:
            self.ggml.backend_buffer_free(buffer)
        for context in self.contexts:
            self.ggml.free(context)


def find_ggml(folder: str | None) -> pathlib.Path | None:
    if folder:
        return pathlib.Path(folder)
    package = importlib.util.find_spec("llama_cpp")
    return pathlib.Path(package.origin).parent / "lib" if package else None


def make_peers(problem: Problem, bits: int, ggml: Ggml | None) -> list:
    peers: list = []
    makers = []
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
        makers += [lambda block=block: make_onnxruntime(problem, bits, block) for block in (32, 128)]
    if ggml:
        kinds = {4: [("q4_0", True), ("q4_K", True)], 2: [("q2_K", True), ("tq2_0", False)]}[bits]
        makers += [lambda kind=kind, repack=repack: GgmlProducts(ggml, problem, kind, repack and
                                                                 ggml.find_repack() is not None)
                   for kind, repack in kinds]
    for make in makers:
        try:
            peers.append(make())
        except Exception as error:  # an older peer may lack a format: the others count
            print(f"  left out: {error}", file=sys.stderr)
    return peers


def compare(problem: Problem, args, ggml: Ggml | None) -> None:
    bits = int(args.weight.removeprefix("int")[0])
    runners = [Ours(problem, args.weight, args.isa), *make_peers(problem, bits, ggml)]
    times: list[list[float]] = [[] for _ in runners]
    end = time.monotonic() + args.seconds
    while time.monotonic() < end or len(times[0]) < 3:
        for runner, list_ in zip(runners, times):
            list_.append(runner.turn(args.turn / 1e3))
    print(f"m={problem.m} n={problem.n} k={problem.k} {'cold' if problem.cold else 'hot'} threads={problem.threads}")
    for runner, list_ in zip(runners, times):
        median = statistics.median(list_)
        ratio = statistics.median(theirs / ours for ours, theirs in zip(times[0], list_))
        note = f"{100 * statistics.median(runner.roofs):5.1f} % of the roof" if isinstance(runner, Ours) else ""
        print(f"  {runner.name:32} {median * 1e3:9.4f} ms {2 * problem.m * problem.n * problem.k / median / 1e9:8.1f} "
              f"GOPS {ratio:6.2f} x {note}", flush=True)
    for runner in runners:
        runner.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="mpq.products", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 8, 12, 512])
    parser.add_argument("--shape", default="4096x4096", help="n x k of the weights")
    parser.add_argument("--weight", default="int4:g32:f16", help="format of quant-bench's weights, of 4 or 2 bits")
    parser.add_argument("--isa", default="", help="instruction sets of quant-bench's kernels")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--hot", action="store_true", help="the same matrix again and again")
    parser.add_argument("--seconds", type=float, default=6, help="for each number of rows and threads")
    parser.add_argument("--turn", type=float, default=60, help="milliseconds")
    parser.add_argument("--ggml", help="folder of libggml-base.so and libggml-cpu.so")
    args = parser.parse_args()
    if args.weight.removeprefix("int")[:1] not in ("4", "2"):
        parser.error(f"--weight is {args.weight} when peers have 4 and 2 bits")
    folder = find_ggml(args.ggml)
    ggml = Ggml(folder) if folder else None
    n, k = map(int, args.shape.split("x"))
    for threads in args.threads:
        for rows in args.rows:
            compare(Problem(rows, n, k, not args.hot, threads), args, ggml)


if __name__ == "__main__":
    main()
