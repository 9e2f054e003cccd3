# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Runs every pass and pipeline of quant-opt on the IR of every test, whatever stage it is of.

    any_order.py quant-opt TESTS

Someone who tries passes gives them IR that they were not made for. Then there may be an error, but no crash. All files go
through a pass at once, split where tests split them; only where a pass dies is each part tried, to name it.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

SEPARATOR = "\n// -----\n"


def run(tool: str, name: str, text: str) -> subprocess.CompletedProcess:
    command = [tool, "-", name, "--split-input-file", "-o", "/dev/null"]
    return subprocess.run(command, input=text.encode(), capture_output=True, timeout=300)


def crashes(tool: str, name: str, text: str) -> bool:
    return run(tool, name, text).returncode not in (0, 1)


def find_crashes(tool: str, name: str, parts: list[tuple[str, str]]) -> list[str]:
    if not crashes(tool, name, SEPARATOR.join(text for _, text in parts)):
        return []
    return [f"{name} crashes on {place}" for place, text in parts if crashes(tool, name, text)] or \
           [f"{name} crashes on all tests together"]


def main() -> None:
    tool, tests = sys.argv[1], pathlib.Path(sys.argv[2])
    parts = [(f"{path.relative_to(tests)}, part {index}", text)
             for path in sorted(tests.rglob("*.mlir")) for index, text in enumerate(path.read_text().split("// -----"))]
    usage = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"^ *(--mpq-[\w-]+)", usage, re.MULTILINE)))
    assert len(names) > 40 and len(parts) > 200, (len(names), len(parts))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = [line for lines in pool.map(lambda name: find_crashes(tool, name, parts), names) for line in lines]
    for line in found:
        print(line)
    print(f"{len(names)} passes and pipelines on {len(parts)} modules: {len(found)} crashes")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
