# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles kernels on packed weights for AArch64 and runs them under qemu: the portable form runs anywhere.

aarch64.py OUTPUT FAMILY: matmul_packed, matmul_popcount with activations of 3 bits, or, with activations of floats,
matmul_packed_f32 or matmul_lut. quant-bench dumps the kernels, LLVM generates the code, clang and lld make a program without a C library, and
NumPy says what it should print.
"""

import pathlib
import re
import subprocess
import sys

import numpy

out = pathlib.Path(sys.argv[1])
family = sys.argv[2]
floats = family in ("matmul_packed_f32", "matmul_lut")
input_bits = 3 if family == "matmul_popcount" else 8
out.mkdir(parents=True, exist_ok=True)

PASSES = """canonicalize,cse,convert-vector-to-scf,convert-scf-to-cf,convert-vector-to-llvm,expand-strided-metadata,
lower-affine,finalize-memref-to-llvm,convert-math-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,convert-ub-to-llvm,
convert-cf-to-llvm,convert-func-to-llvm{use-bare-ptr-memref-call-conv=1},reconcile-unrealized-casts"""

# No C library: the system calls, and what LLVM may call.
PROGRAM = r"""
typedef unsigned long size_t;
void *memset(void *p, int c, size_t n) { char volatile *b = p; while (n--) *b++ = c; return p; }
void *memcpy(void *p, const void *q, size_t n) { char volatile *b = p; const char *s = q; while (n--) *b++ = *s++; return p; }
static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
void pack(const void *, void *);
void run(const void *, const void *, void *);
__asm__(".balign 64\npayload: .incbin \"PAYLOAD\"\n.balign 64\ninput: .incbin \"INPUT\"\n");
extern const char payload[] __attribute__((visibility("hidden"))), input[] __attribute__((visibility("hidden")));
static char packed[PACKED] __attribute__((aligned(64))), result[RESULT] __attribute__((aligned(64)));
void _start(void) {
  pack(payload, packed);
  run(input, packed, result);
  call(64, 1, (long)result, RESULT);
  call(93, 0, 0, 0);
}
"""


def make_weight(rng, n, k, bits, group, asymmetric):
    """The payload of a format with f32 scales or tables, and its values."""
    group = min(group or k, k)
    groups = -(-k // group)
    codes = rng.integers(0, 1 << bits, (n, k))
    padded = numpy.zeros((n, (k * bits + 7) // 8 * 8), numpy.uint8)
    padded[:, : k * bits] = ((codes[:, :, None] >> numpy.arange(bits)) & 1).reshape(n, -1)
    of_column = numpy.arange(k) // group
    if family == "matmul_lut":
        tables = rng.uniform(-2, 2, (n, groups, 1 << bits)).astype(numpy.float32)
        payload = numpy.packbits(padded, axis=1, bitorder="little").tobytes() + tables.tobytes()
        return payload, tables[numpy.arange(n)[:, None], of_column, codes].astype(float)
    scales = rng.uniform(-0.02, 0.02, (n, groups)).astype(numpy.float32)
    zeros = rng.integers(0, 1 << bits, (n, groups)).astype(numpy.uint8)
    payload = numpy.packbits(padded, axis=1, bitorder="little").tobytes() + scales.tobytes()
    if asymmetric:
        payload += zeros.tobytes()
        levels = codes - zeros[:, of_column].astype(int)
    else:
        levels = numpy.where(codes >> (bits - 1), codes - (1 << bits), codes)
    return payload, levels * scales[:, of_column].astype(float)


def check(m, n, k, bits, group, asymmetric):
    kind = "lut" if family == "matmul_lut" else "int"
    name = f"{kind}{bits}{f':g{group}' if group else ''}{':asym' if asymmetric else ''}"
    problem = f"mpgemm m={m} n={n} k={k} w={name} a={'f32' if floats else f'int{input_bits}:static'} isa=portable"
    text = subprocess.run(["quant-bench", "--check", "--dump", f"--family={family}", problem], check=True,
                          capture_output=True, text=True).stdout
    text = "module {\n" + text[text.index("\n", text.index("module attributes")) + 1 : text.rindex("\n}") + 3]
    bytes_ = int(re.search(r"@pack\(%\w+: memref<\d+xi8>, %\w+: memref<(\d+)xi8>", text)[1])
    stem = out / name.replace(":", "-")
    stem.with_suffix(".mlir").write_text(text)

    def tool(*command):
        subprocess.run([str(word) for word in command], check=True)

    tool("quant-opt", stem.with_suffix(".mlir"), f"--pass-pipeline=builtin.module({PASSES})".replace("\n", ""), "-o",
         stem.with_suffix(".llvm.mlir"))
    tool("mlir-translate", "--mlir-to-llvmir", stem.with_suffix(".llvm.mlir"), "-o", stem.with_suffix(".ll"))
    tool("llc", "-O2", "-mtriple=aarch64-linux-gnu", "-filetype=obj", stem.with_suffix(".ll"), "-o",
         stem.with_suffix(".o"))
    rng = numpy.random.default_rng(bits)
    payload, weight = make_weight(rng, n, k, bits, group, asymmetric)
    codes = rng.integers(0, 1 << input_bits, (m, k)).astype(numpy.uint8)
    stem.with_suffix(".payload").write_bytes(payload)
    # The quantization that quant-bench gives static inputs.
    inputs = 0.0131 * (codes.astype(float) - (115 >> (8 - input_bits)))
    if floats:
        codes = inputs.astype(numpy.float32)
        inputs = codes.astype(float)
    stem.with_suffix(".input").write_bytes(codes.tobytes())
    source = PROGRAM.replace("PAYLOAD", str(stem.with_suffix(".payload"))).replace("INPUT", str(stem.with_suffix(".input")))
    stem.with_suffix(".c").write_text(source.replace("PACKED", str(bytes_)).replace("RESULT", str(m * n * 4)))
    tool("clang", "--target=aarch64-linux-gnu", "-O1", "-ffreestanding", "-fno-pie", "-nostdlib", "-static",
         "-fuse-ld=lld", stem.with_suffix(".c"), stem.with_suffix(".o"), "-o", stem.with_suffix(".exe"))
    printed = subprocess.run(["qemu-aarch64", str(stem.with_suffix(".exe"))], check=True, capture_output=True).stdout
    result = numpy.frombuffer(printed, numpy.float32).reshape(m, n)
    error = numpy.abs(result - inputs @ weight.T) / (numpy.abs(inputs) @ numpy.abs(weight).T)
    assert error.max() < 2e-6, f"{problem}: relative error {error.max()}"
    print("ok", problem)


lookups = [(1, 16, 256, 4, 0, False), (3, 5, 100, 3, 0, False), (5, 6, 300, 2, 30, False), (2, 4, 600, 8, 0, False),
           (7, 3, 200, 4, 32, False)]
problems = [(1, 16, 64, 4, 32, False), (3, 20, 100, 3, 0, True), (5, 17, 70, 5, 16, False), (2, 33, 65, 8, 8, True),
            (4, 16, 200, 2, 128, True)]
for problem in lookups if family == "matmul_lut" else problems:
    check(*problem)
