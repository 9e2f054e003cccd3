# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Assembles kernels with ptxas, which has to keep everything in registers and must not warn.

    check_ptxas.py FOLDER sm_80
"""
import glob
import os
import re
import shutil
import subprocess
import sys

import check_kernel

CASES = [
    "K=4096 N=256 format=int4:g128 rows=1",
    "K=512 N=28672 format=int4:g32:asym rows=1 bias relu",
    "K=256 N=256 format=int4:g16:asym rows=1 half bias",
    "K=77 N=77 format=int4:g7:asym rows=1 residual",
    "K=1026 N=1026 format=int4 rows=1 residual bias",
]


def assemble(ptxas, path, arch):
    """(kernel, registers, bytes of stack and spills) of every kernel."""
    done = subprocess.run([ptxas, "-v", f"-arch={arch}", path, "-o", path + ".cubin"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    # It says so where it makes products by wgmma wait for each other.
    assert "warn" not in done.stderr.lower() and "performance loss" not in done.stderr.lower(), done.stderr
    return re.findall(r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill "
                      r"loads.*?Used (\d+) registers", done.stderr, re.S)


def main(folder, arch):
    os.makedirs(folder, exist_ok=True)
    ptxas = shutil.which("ptxas") or sorted(glob.glob("/usr/local/cuda*/bin/ptxas"))[-1]
    for number, text in enumerate(CASES):
        case = check_kernel.Case(text)
        model = os.path.join(folder, f"case{number}.onnx")
        case.build(model)
        path = os.path.join(folder, f"case{number}.ptx")
        check_kernel.compile_model(model, case, path, "--target=nvvm", "--emit=ptx", f"--mcpu={arch}")
        kernels = assemble(ptxas, path, arch)
        assert len(kernels) == 6, kernels
        for name, stack, stores, loads, registers in kernels:
            print(f"{text} {arch} {name}: {registers} registers")
            assert (stack, stores, loads) == ("0", "0", "0"), f"{text} {arch} {name} spills {stores}, {loads} bytes"
    print(f"{len(CASES)} products assemble for {arch} without spills")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
