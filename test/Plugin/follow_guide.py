# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Does what guides say, and checks that it leads to what they show.

    follow_guide.py --mpq=CHECKOUT --build=BUILD --work=FOLDER GUIDE.md...

Runs the blocks ```sh of the guides, in order and in one shell, in an empty folder. Each line of a block ```text has to
be among what the block ```sh before it printed; `...` stands for anything, and blanks for any blanks. Blocks ```c++,
```cmake and ```tablegen have to be in the files of the example that the guide is about, literally.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

BLOCK = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "=== end of block ==="


def fail(guide, message):
    sys.exit(f"{guide.name}: {message}")


def to_pattern(line):
    words = [".*".join(re.escape(part) for part in word.split("...")) for word in line.split()]
    return re.compile(r"\s+".join(words))


def check_quotes(guide, blocks, mpq):
    """What a guide quotes of its example is what the example has."""
    text = guide.read_text(encoding="utf-8")
    example = re.search(r"`(examples/plugins/\w+)`", text)
    if not example:
        return
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (mpq / example[1]).iterdir() if path.is_file())
    for language, code in blocks:
        if language in ("c++", "cmake", "tablegen") and code not in sources:
            fail(guide, f"{example[1]} does not have:\n{code}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--mpq", "--build", "--work"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--moved", action="store_true", help="move the prefix after the first guide")
    parser.add_argument("guides", type=pathlib.Path, nargs="+")
    options = parser.parse_args()

    # The checkout as the guides have it, with its build in build/.
    shutil.rmtree(options.work, ignore_errors=True)
    checkout = options.work / "mpq"
    checkout.mkdir(parents=True)
    (checkout / "examples").symlink_to(options.mpq / "examples")
    (checkout / "build").symlink_to(options.build)
    folder = options.work / "project"
    folder.mkdir()
    environment = dict(os.environ, MPQ=str(checkout), PREFIX=str(options.work / "prefix"))

    script, expected = "set -euo pipefail\n", []
    move = 'mv "$PREFIX" "$PREFIX-moved"; export PREFIX="$PREFIX-moved" PATH="$PREFIX-moved/bin:$PATH"\n'
    for guide in options.guides:
        blocks = BLOCK.findall(guide.read_text(encoding="utf-8"))
        check_quotes(guide, blocks, options.mpq)
        for language, code in blocks:
            if language == "sh":
                script += code + f"echo '{END}'\n"
                expected.append((guide, []))
            elif language == "text" and expected:
                expected[-1][1].extend(line for line in code.splitlines() if line.strip())
        if options.moved and guide == options.guides[0]:
            script += move
    result = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    outputs = result.stdout.split(END)
    if result.returncode != 0:
        print(outputs[-1])
        fail(expected[len(outputs) - 1][0], f"command {len(outputs)} fails with exit code {result.returncode}")
    checked = 0
    for (guide, lines), output in zip(expected, outputs):
        for line in lines:
            checked += 1
            if not to_pattern(line).search(output):
                print(output)
                fail(guide, f"shows this line, which is not in the output:\n{line}")
    print(f"{len(expected)} blocks of commands run, {checked} lines of output found")


main()
