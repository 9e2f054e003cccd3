# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# numpy's files go through a model that copies its input, for every element
# type and way of storing, and what comes out is what numpy put in.
#
# REQUIRES: numpy
# RUN: rm -rf %t && mkdir -p %t
# RUN: %python %s %t %S/../../Target/CPU/Inputs/copy.ll | FileCheck %s
# CHECK: 12 types, 5 ways of storing each
#
# ===----------------------------------------------------------------------===#
import subprocess
import sys

import numpy as np

folder, copy = sys.argv[1:]
types = {"bool": "bool", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8", "u16": "uint16",
         "u32": "uint32", "u64": "uint64", "f16": "float16", "f32": "float32", "f64": "float64"}


def write_version_2(path, array):
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version=(2, 0))


ways = 0
for short, name in types.items():
    width = 8 // np.dtype(name).itemsize
    array = (np.arange(6 * width) % 5 - (2 if name[0] in "if" else 0)).astype(name).reshape(6, width)
    library = f"{folder}/{short}.so"
    subprocess.run(["mpq-link-test", "-o", library, "--sample-parallel", f"--input=x:{short}[-1x{width}]",
                    f"--output=y:{short}[-1x{width}]", f"--variant={copy}:x86-64"], check=True)
    stored = {"stored.npz": lambda p: np.savez(p, x=array, other=array),
              "deflated.npz": lambda p: np.savez_compressed(p, other=array, x=array),
              "fortran.npz": lambda p: np.savez_compressed(p, x=np.asfortranarray(array)),
              "x.npy": lambda p: np.save(p, array), "two/x.npy": lambda p: write_version_2(p, array)}
    ways = len(stored)
    for way, save in stored.items():
        path = f"{folder}/{way}"
        subprocess.run(["mkdir", "-p", f"{folder}/two"], check=True)
        save(path)
        subprocess.run(["quant-run", library, f"--input={path}", f"--output={folder}/out.npz"], check=True)
        result = np.load(f"{folder}/out.npz")["y"]
        assert result.dtype == array.dtype and np.array_equal(result, array), (name, way, result, array)
print(f"{len(types)} types, {ways} ways of storing each")
