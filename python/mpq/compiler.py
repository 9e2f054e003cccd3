# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""quant-compile as a function.

It is the tool that is run, not a C interface of the compiler: the tool is there wherever MPQ is, its command line is what
is documented and tested, a crash or a memory limit of a compilation does not take Python down with it, and nothing of LLVM
is loaded into a process that may have an LLVM of its own.
"""
from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

import numpy as np

from mpq.errors import CompileError

# This file is <source>/python/mpq/compiler.py where it has not been installed.
_SOURCE = pathlib.Path(__file__).resolve().parents[2]


def find_tool(tool: str, folder: str | os.PathLike | None = None) -> str:
    """The tool's path: in `folder` and nowhere else, if it is given; or in MPQ_TOOLS, an environment variable; on PATH;
    beside the Python that runs; in build/bin of the source that this package lies in. CompileError where it is in none."""
    if folder:
        places = [os.fspath(folder)]
    else:
        places = [os.environ.get("MPQ_TOOLS", ""), os.environ.get("PATH", ""), os.path.dirname(sys.executable),
                  str(_SOURCE / "build" / "bin")]
    for place in filter(None, places):
        if path := shutil.which(tool, path=place):
            return path
    raise CompileError(f"{tool}: not in {folder or 'MPQ_TOOLS, on PATH, or in the build'}; scripts/setup builds it")


def run_tool(command: list[str]) -> str:
    """What the tool wrote to both of its streams. CompileError where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout + done.stderr
    # Numbered lines are steps that went well before.
    said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("[")]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
    raise CompileError("\n".join(said) or f"{' '.join(command)}: {how}, and no message")


def _make_option(name: str, value: object) -> list[str]:
    """avg_bits=4 => --avg-bits=4; a list is joined with commas; True is the option alone; None and False are none."""
    flag = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    return [f"{flag}={os.fspath(value) if isinstance(value, os.PathLike) else value}"]


def compile(model: str | os.PathLike, output: str | os.PathLike | None = None, *,  # pylint: disable=redefined-builtin
            calibration: str | os.PathLike | Mapping[str, np.ndarray] | None = None,
            tools: str | os.PathLike | None = None, **options: object) -> pathlib.Path:
    """Compiles an ONNX model, or a stage that --emit wrote, and returns the path of what was written.

    output       the library; else the model's name with .so, in the working directory
    calibration  an .npz file, or arrays by input name whose dimension 0 runs over samples
    tools        the folder of quant-compile
    options      those of quant-compile --help, with _ for -: avg_bits=4, plan="model.plan", mcpu=["x86-64-v4", "x86-64-v3"],
                 formats=["int4", "int8"], emit="planned", v=True

    CompileError with the tool's diagnostics where it fails; nothing is written then.
    """
    model = pathlib.Path(model)
    emit = options.get("emit", "lib")
    suffix = {"lib": ".so", "obj": ".o"}.get(str(emit), ".mlirbc" if options.get("emit_bytecode") else ".mlir")
    output = pathlib.Path(output) if output is not None else pathlib.Path(model.name).with_suffix(suffix)
    command = [find_tool("quant-compile", tools), str(model), "-o", str(output)]
    for name, value in options.items():
        command += ["-v"] if name == "v" and value else _make_option(name, value)
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(calibration, Mapping):
            samples = os.path.join(scratch, "calibration.npz")
            np.savez(samples, **calibration)
            calibration = samples
        run_tool(command + _make_option("calibration", calibration))
    return output
