# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# What mpq.gpu.Program says of files and inputs that are not as they should be; no rows are nothing to do.
#
# REQUIRES: numpy, onnx
# RUN: %python %s %t
#
# ===----------------------------------------------------------------------===#
import os
import sys

import numpy as np

import check_kernel
import ptx_emulator
from mpq.errors import RunError
from mpq.gpu import Program


def expect(message, action):
    try:
        action()
    except RunError as error:
        assert message in str(error), f"{error}: instead of {message}"
        return
    raise AssertionError(f"nothing is said when it should be: {message}")


def rewrite(path, change):
    with open(path, "rb") as file:
        before = file.read()
    with open(path, "wb") as file:
        file.write(change(before))
    return before


def main(folder):
    os.makedirs(folder, exist_ok=True)
    case = check_kernel.Case("K=16 N=8 format=int4 rows=2")
    case.build(os.path.join(folder, "case.onnx"))
    check_kernel.compile_model(os.path.join(folder, "case.onnx"), case, os.path.join(folder, "case.ptx"),
                               "--target=nvvm", "--emit=ptx")
    path = os.path.join(folder, "case.json")

    def load():
        return Program(path, ptx_emulator.Device())
    program = load()
    assert program.run({"x": np.zeros((0, 16))})["y"].shape == (0, 8)
    expect("input 'x' is missing; there are 'y'", lambda: program.run({"y": np.zeros((2, 16))}))
    expect("input 'x' is [2, 15] when it should be [-1, 16]", lambda: program.run({"x": np.zeros((2, 15))}))

    packed = rewrite(os.path.join(folder, "case.packed"), lambda b: b[:-1])
    expect("the weights have", load)
    rewrite(os.path.join(folder, "case.packed"), lambda _: packed)
    description = rewrite(path, lambda b: b.replace(b'"version": 2', b'"version": 1'))
    expect("version 1 when it should be 2", load)
    for broken in (b"", description[:100]):
        rewrite(path, lambda _: broken)
        expect("case.json: is not JSON", load)


if __name__ == "__main__":
    main(sys.argv[1])
