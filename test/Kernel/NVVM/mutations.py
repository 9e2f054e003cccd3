# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The emulator finds what is wrong with a kernel: each line of MUTATIONS breaks a correct one in one way.
#
# REQUIRES: numpy, onnx
# RUN: %python %s %t
#
# ===----------------------------------------------------------------------===#
import os
import re
import sys

import numpy as np

import check_kernel
import ptx_emulator
from mpq.gpu import Program
from ptx_instructions import PtxError

MUTATIONS = {"K=640 N=72 format=int4:g32 rows=16": [
    (r"bar\.sync\s+0;", "", 0, "since the last barrier"),
    (r"cp\.async\.wait_group\s+2;", "cp.async.wait_group 3;", 0, "in flight"),
    (r"cp\.async\.wait_group\s+\d+;", "", 0, "in flight"),
    (r"(ldmatrix[^;]*\[%rd\d+)\+?\d*\]", r"\1+4]", 1, "not aligned"),
    (r"0x6400|1677747200|1678271488", "1677747201", 1, None),
    (r"983055", "983040", 1, None),
    (r"(mma\.sync\S+\s+\{[^}]*\},\s*\{)(%r\d+), (%r\d+)", r"\1\3, \2", 1, None),
    (r"mul\.rn\.f16x2", "add.rn.f16x2", 1, None),
    (r"st\.shared\.v4\.b32\s+(\[[^\]]*\]), \{(%r\d+), (%r\d+)", r"st.shared.v4.b32 \1, {\3, \2", 1, None),
    (r"(cp\.async\.cg\.shared\.global \[[^\]]*\], \[%rd\d+)\+?\d*\], 16,", r"\1+1073741824], 16,", 1, "past the"),
    (r"(st\.global\S+\s+\[%rd\d+)\]", r"\1+1048576]", 1, "past the"),
], "K=640 N=72 format=int4:g32 rows=64 half arch=sm_90a": [
    (r"wgmma\.wait_group\.sync\.aligned\s+0;", "", 0, "in flight"),
    (r"wgmma\.fence\.sync\.aligned;", "", 0, "without a fence"),
    (r"fence\.proxy\.async\S*;", "", 0, "since the last fence.proxy.async"),
    (r"add\.s64 (%rd\d+), (%rd\d+), 2;", r"add.s64 \1, \2, 4;", 1, None),
]}


def run(program, x):
    return program.run({"x": x})["y"]


def find(program, mutated, x, expected):
    """What is wrong with the mutated PTX: a message, None for a wrong result, "" for nothing."""
    program.set_ptx(mutated)
    try:
        result = run(program, x)
    except PtxError as error:
        return str(error)
    return "" if np.array_equal(result, expected) else None


def check(text, mutations, folder):
    case = check_kernel.Case(text)
    model, path = os.path.join(folder, "case.onnx"), os.path.join(folder, "case.ptx")
    case.build(model)
    check_kernel.compile_model(model, case, path, "--target=nvvm", "--emit=ptx", f"--mcpu={case.arch}")
    program = Program(os.path.join(folder, "case.json"), ptx_emulator.Device())
    x = np.random.default_rng(1).standard_normal((case.rows[0], case.depth)).astype(np.float32)
    expected = run(program, x)
    with open(path, encoding="utf-8") as file:
        ptx = file.read()
    # The kernel that runs is the one for so many rows.
    start = ptx.index(f".entry matmul_w4a16_0_rows{case.rows[0]}")
    for pattern, replacement, count, complaint in mutations:
        body, changes = re.subn(pattern, replacement, ptx[start:], count=count)
        assert changes, f"nothing matches {pattern}"
        found = find(program, ptx[:start] + body, x, expected)
        right = found is None if complaint is None else complaint in (found or "")
        assert right, f"{pattern} => {replacement}: {found!r} instead of {complaint!r}"
        print(f"{pattern} => {replacement}: {found or 'wrong result'}")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for text, mutations in MUTATIONS.items():
        check(text, mutations, folder)


if __name__ == "__main__":
    main(sys.argv[1])
