#!/usr/bin/env python3
# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Fills the snapshots of LifeOfAModel.md: compiles a small model stage by stage and puts the IR where the page says so.

    snapshots.py [--check] [--work DIR]    (quant-compile and quant-opt on PATH)

A snapshot is the code block after a comment such as

    <!-- snapshot: kernelized module @main @matmul_* -->

which names the stage and what of it to show: `module` is the head of the module, `@name` the first symbol of this name
(`*` matches any end, `@name:12` shows 12 lines of it at most; constants of functions other than @main are left out), and `slots` are its mpq.slot ops. Prose is only in the
page, IR only comes from here. With --check nothing is written, and a page that differs is an error that shows how.
"""
import argparse
import difflib
import fnmatch
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PAGE = pathlib.Path(__file__).with_name("LifeOfAModel.md")
STAGES = ["onnx", "calibrated", "planned", "quantized", "lowered", "bufferized", "kernelized", "llvm"]
SNAPSHOT = re.compile(r"(<!-- snapshot: (.*?) -->\n```mlir\n)(.*?)(```\n)", re.DOTALL)
WIDTH = 116


def write_model(path: pathlib.Path):
    """conv -> relu -> flatten -> gemm on 4 x 4 images. All numbers are small multiples of powers of two, so that sums are
    exact and the page is the same whatever the CPU adds first."""
    rng = np.random.default_rng(0)

    def weight(name: str, *shape: int):
        return numpy_helper.from_array((rng.integers(-8, 9, shape) / 8).astype(np.float32), name)

    nodes = [helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["c"], "conv", pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c"], ["r"], "relu"),
             helper.make_node("Flatten", ["r"], ["f"], "flatten"),
             helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["scores"], "fc", transB=1)]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])],
        [weight("conv.weight", 8, 1, 3, 3), weight("conv.bias", 8), weight("fc.weight", 3, 128), weight("fc.bias", 3)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def write_samples(path: pathlib.Path):
    rng = np.random.default_rng(1)
    np.savez(path, image=(rng.integers(0, 5, (8, 1, 4, 4)) / 4).astype(np.float32))


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def make_stages(work: pathlib.Path) -> dict[str, tuple[list[str], list[str]]]:
    """The IR of each stage, line by line: values named after the model's, and numbered."""
    write_model(work / "small.onnx")
    write_samples(work / "calib.npz")
    texts = {}
    for stage in STAGES:
        file = work / f"{stage}.mlir"
        run("quant-compile", work / "small.onnx", f"--calibration={work / 'calib.npz'}", "--observer=minmax",
            "--metric=weight-mse", "--avg-bits=4.5", "--formats=int2,int4,int8", "--mcpu=x86-64-v3", f"--emit={stage}",
            "-o", file)
        named = run("quant-opt", file, "--emit-weights=elided", "--mlir-use-nameloc-as-prefix")
        numbered = run("quant-opt", file, "--emit-weights=elided")
        texts[stage] = tuple(text.replace(str(work) + "/", "").splitlines() for text in (named, numbered))
    return texts


def find_symbol(lines: list[str], pattern: str) -> list[str]:
    """The op that defines the symbol, to its closing brace."""
    for start, line in enumerate(lines):
        name = re.match(r"  \S*func(?:\.func)? (?:\w+ )*@([\w.]+)", line)
        if name and fnmatch.fnmatch(name[1], pattern):
            end = next(i for i in range(start, len(lines)) if lines[i].startswith("  }"))
            return lines[start : end + 1]
    sys.exit(f"no symbol @{pattern}")


def fold(line: str) -> list[str]:
    """A long line on several, broken at spaces; what follows is indented by 4 more."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    folded = []
    while len(line) > WIDTH and (cut := line.rfind(" ", len(indent) + 1, WIDTH)) > 0:
        folded.append(line[:cut])
        line = indent + line[cut + 1 :]
    return [*folded, line]


def cut_out(lines: list[str], what: str) -> list[str]:
    if what == "module":
        start = next(i for i, line in enumerate(lines) if line.startswith("module"))
        head = lines[start]
        return [*(line for line in lines[:start] if line.startswith("#")), head.removesuffix(" {")]
    if what == "slots":
        return [line for line in lines if line.startswith("  mpq.slot")]
    name, _, limit = what.removeprefix("@").partition(":")
    found = find_symbol(lines, name)
    if name != "main":  # the numbers that code counts with
        found = [line for line in found if not re.search(r" = arith.constant .* : index$", line)]
    if limit and len(found) > int(limit):
        return [*found[: int(limit)], f"    // ... {len(found) - int(limit) - 1} lines more", found[-1]]
    return found


def fill(page: str, stages: dict[str, tuple[list[str], list[str]]]) -> str:
    def get_lines(stage: str, part: str) -> list[str]:
        # Where a value is something of the model, its name says so; in code it would be noise.
        named, numbered = stages[stage]
        of_model = part == "@main" and STAGES.index(stage) < STAGES.index("bufferized")
        return cut_out(named if of_model else numbered, part)

    def snapshot(match: re.Match) -> str:
        stage, *parts = match[2].split()
        shown = [line for part in parts for line in get_lines(stage, part)]
        return match[1] + "".join(piece + "\n" for line in shown for piece in fold(line)) + match[4]

    return SNAPSHOT.sub(snapshot, page)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or pathlib.Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        filled = fill(page, make_stages(work))
    if not args.check:
        PAGE.write_text(filled, encoding="utf-8")
    elif filled != page:
        print(*difflib.unified_diff(page.splitlines(), filled.splitlines(), "as committed", "as compiled now", lineterm=""),
              sep="\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
