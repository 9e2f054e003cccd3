# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# On a terminal, steps that run the model show how far they are, and leave nothing of that behind; in a file there are
# only the finished steps.
#
# RUN: %python %s quant-compile %mpq_src/examples/digits %t
# ===----------------------------------------------------------------------===#
import os
import pty
import re
import subprocess
import sys

compiler, digits, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
command = [compiler, f"{digits}/digits.onnx", f"--calibration={digits}/calib.npz", "--avg-bits=4", "--emit=planned",
           "-o", f"{folder}/planned.mlir"]


def run_on_terminal() -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 4096):
            text += part
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    return text.decode()


shown = run_on_terminal()
for step in ("calibrate", "sensitivity"):
    assert re.search(rf"\r{step} \[=* *\] \d+%", shown), f"no progress of {step} in {shown!r}"
    assert f"\r{step} [" + "=" * 40 + "] 100%" in shown, f"{step} does not end at 100% in {shown!r}"
# What a terminal shows in the end: each line behind its last carriage return.
final = [line.split("\r")[-1] for line in shown.replace("\r\n", "\n").split("\n")]
assert not any("[=" in line for line in final), final
assert any(re.match(r"\[\d+\] sensitivity ", line) for line in final), final

written = subprocess.run(command, stderr=subprocess.PIPE, check=True, text=True).stderr
assert "\r" not in written and "sensitivity" in written, written
