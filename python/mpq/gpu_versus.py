# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Times the kernel of one product on a GPU against PyTorch.

    python -m mpq.gpu_versus kernel.json --rows 1 --rows 16 --rows 512

kernel.json is what `quant-compile --target=nvvm --emit=ptx` wrote for a model that is one MatMul. Prints, for each number
of rows, the median time of a product; the bytes of the packed weights, activations and results over it, as part of the
bandwidth of a large copy (bytes read and written, measured beside); the multiplications and additions over it, as part
of what a large f16 product of cuBLAS reaches; and by how much f16 cuBLAS (`torch.mm`, the faster of both orders of the
weight) and PyTorch's own 4-bit kernel (`torch.ops.aten._weight_int4pack_mm`, bf16, groups of 128) take longer.

Weights are cold: each product of a CUDA graph reads another copy of them, and the copies together are four times the
second cache. The graphs of all are replayed in turns, and timed by events. Needs PyTorch and cuda-bindings.
"""
from __future__ import annotations

import argparse
import statistics
from typing import Callable

import numpy as np
import torch

from .gpu import CudaDevice, Program

TINYGEMM_ROWS = 32  # beyond, PyTorch's kernel is slow, and it is not made for them
COLD = 4  # copies of the weights are so many times as large as the second cache


class Contender:
    """A graph of products, each with weights of its own: `product(copy)` launches one of `copies`."""

    stream: torch.cuda.Stream

    def __init__(self, name: str, product: Callable[[int], None], copies: int) -> None:
        self.name, self.copies, self.times = name, copies, []
        # The stream of warming up and capturing is one, for cuBLAS keeps memory for each.
        with torch.cuda.stream(Contender.stream):
            product(0)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=Contender.stream):
            for copy in range(copies):
                product(copy)

    def take_turn(self) -> None:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        self.graph.replay()
        end.record()
        torch.cuda.synchronize()
        self.times.append(begin.elapsed_time(end) * 1e3 / self.copies)

    @property
    def microseconds(self) -> float:
        return statistics.median(self.times)


def count_copies(bytes_: int) -> int:
    """How many copies of a weight make it cold."""
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    return max(2, -(-COLD * cache // bytes_))


def alternate(contenders: list[Contender], turns: int) -> None:
    for contender in contenders:
        contender.take_turn()
        contender.times.clear()
    for _ in range(turns):
        for contender in contenders:
            contender.take_turn()


def make_own(program: Program, rows: int) -> Contender:
    device = program.device
    name, tensor = next((n, t) for n, t in program.tensors.items() if t["kind"] == "input")
    shape = [rows if d < 0 else d for d in tensor["shape"]]
    samples, buffers = program.allocate({name: np.random.default_rng(0).standard_normal(shape)})
    addresses = {name: address for name, (address, _, _) in buffers.items()}
    copies = count_copies(len(program.packed))
    weights = [device.allocate(program.packed) for _ in range(copies)]

    def product(copy: int) -> None:
        device.stream = torch.cuda.current_stream().cuda_stream
        program.launch(samples, weights[copy], addresses)
    return Contender("mpq", product, copies)


def make_cublas(rows: int, columns: int, depth: int, transposed: bool) -> Contender:
    copies = count_copies(2 * columns * depth)
    x = torch.randn(rows, depth, dtype=torch.float16, device="cuda")
    y = torch.empty(rows, columns, dtype=torch.float16, device="cuda")
    shape = (columns, depth) if transposed else (depth, columns)
    weights = [torch.randn(shape, dtype=torch.float16, device="cuda") for _ in range(copies)]
    return Contender("cuBLAS" + (" W^T" if transposed else ""),
                     lambda copy: torch.mm(x, weights[copy].t() if transposed else weights[copy], out=y), copies)


def make_tinygemm(rows: int, columns: int, depth: int) -> Contender:
    copies = count_copies(columns * depth // 2)
    x = torch.randn(rows, depth, dtype=torch.bfloat16, device="cuda")
    codes = torch.randint(0, 256, (columns, depth // 2), dtype=torch.uint8, device="cuda")
    weights = [torch.ops.aten._convert_weight_to_int4pack(codes, 8).clone() for _ in range(copies)]
    scales = torch.rand(depth // 128, columns, 2, dtype=torch.bfloat16, device="cuda")
    return Contender("PyTorch 4 bits", lambda copy: torch.ops.aten._weight_int4pack_mm(x, weights[copy], 128, scales), copies)


def measure_copy() -> float:
    """Bytes read and written per microsecond."""
    source = torch.randint(0, 255, (1 << 30,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    copy = Contender("copy", lambda _: target.copy_(source), 4)
    alternate([copy], 5)
    return 2 * source.nbytes / copy.microseconds


def measure_peak() -> float:
    """Floating-point operations per microsecond of a large product on random data."""
    large = make_cublas(8192, 8192, 8192, True)
    alternate([large], 5)
    return 2 * 8192**3 / large.microseconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="mpq.gpu_versus", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="+")
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    Contender.stream = torch.cuda.Stream()
    bandwidth, peak = measure_copy(), measure_peak()
    print(f"{torch.cuda.get_device_name()}: copies {bandwidth / 1e6:.2f} TB/s, f16 products {peak / 1e6:.0f} TFLOP/s")
    for path in arguments.program:
        program = Program(path, CudaDevice())
        tensors = program.tensors.values()
        depth, columns = (next(t for t in tensors if t["kind"] == kind)["shape"][-1] for kind in ("input", "output"))
        print(f"{path}: {depth} x {columns}, weights {len(program.packed) / 1e6:.2f} MB")
        for rows in arguments.rows or [1, 16, 64, 512]:
            own = make_own(program, rows)
            peers = [make_cublas(rows, columns, depth, transposed) for transposed in (False, True)]
            if rows <= TINYGEMM_ROWS:
                peers.append(make_tinygemm(rows, columns, depth))
            alternate([own, *peers], arguments.turns)
            moved = len(program.packed) + sum(
                rows * t["shape"][-1] * (4 if t["type"] == "f32" else 2) for t in tensors)
            time = own.microseconds
            cublas = min(peers[:2], key=lambda p: p.microseconds)
            print(f"  {rows:5} rows {time:9.2f} us  {moved / time / bandwidth:6.1%} of the copy  "
                  f"{2 * rows * depth * columns / time / peak:6.1%} of the peak  " +
                  "  ".join(f"{p.name} {p.microseconds / time:.2f}x" for p in (cublas, *peers[2:])), flush=True)


if __name__ == "__main__":
    main()
