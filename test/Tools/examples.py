# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The examples at the end of help texts run as they are written, one after the other, in a folder with the files that
# they name.
#
# RUN: rm -rf %t && mkdir %t && cd %t
# RUN: cp %mpq_src/examples/digits/digits.onnx model.onnx && cp %mpq_src/examples/digits/test.npz test.npz
# RUN: cp %mpq_src/examples/digits/calib.npz calib.npz && cp calib.npz samples.npz
# RUN: quant-compile model.onnx -o model.so && quant-run model.so --input=test.npz --output=expected.npz
# RUN: %python %s quant-opt quant-compile quant-run | FileCheck %s
# CHECK-DAG: quant-opt: {{[3-9]}} examples
# CHECK-DAG: quant-compile: {{[3-9]}} examples
# CHECK-DAG: quant-run: {{[3-9]}} examples
# ===----------------------------------------------------------------------===#
import subprocess
import sys

for tool in sys.argv[1:]:
    text = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in text.split("\nExamples:\n")[1].splitlines()]
    commands = [line for line in lines if line.startswith(tool)]
    for command in commands:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command}\n{done.stderr}")
    print(f"{tool}: {len(commands)} examples")
