# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Runs a command on mutated copies of a text file, and fails where one of them makes it crash.

    mutate_text.py FILE --count 100 --seed 1 --work DIR -- COMMAND... {}

{} in the command is the mutated file. Each run must end with status 0 and no error, or with status 1 and at least one
line `error:`; a signal, another status, a stack dump or a silent failure is a fault of the program. Prints how many
mutations were accepted and how many were diagnosed. The same seed gives the same files.
"""
import argparse
import pathlib
import random
import re
import subprocess
import sys

# What a hand that edits could leave, and what it could not.
STRANGE = ["", "0", "-1", "1e999", "nan", "18446744073709551616", "int99", "int4.5", "\"", "{", "=", "#", ",,", "\0", "ä",
           "x" * 5000, "%s%n", "../../etc"]


def drop_line(lines, rng):
    del lines[rng.randrange(len(lines))]


def repeat_line(lines, rng):
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))


def swap_lines(lines, rng):
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]


def replace_token(lines, rng):
    i = rng.randrange(len(lines))
    tokens = re.split(r"(\s+|[,:=\"])", lines[i])
    tokens[rng.randrange(len(tokens))] = rng.choice(STRANGE)
    lines[i] = "".join(tokens)


def change_character(lines, rng):
    i = rng.randrange(len(lines))
    if lines[i]:
        at = rng.randrange(len(lines[i]))
        lines[i] = lines[i][:at] + chr(rng.randrange(1, 256)) + lines[i][at + 1 :]


def change_number(lines, rng):
    i = rng.randrange(len(lines))
    lines[i] = re.sub(r"\d+", lambda found: str(int(found[0]) + rng.choice([-1, 1, 1000])), lines[i])


def truncate(lines, rng):
    i = rng.randrange(len(lines))
    lines[i] = lines[i][: rng.randrange(len(lines[i]) + 1)]
    del lines[i + 1 :]


MUTATIONS = [drop_line, repeat_line, swap_lines, replace_token, change_character, change_number, truncate]


def fault(command: list[str]) -> tuple[str | None, bool]:
    """What is wrong with how the command ended, if anything; and whether it accepted its input."""
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    errors = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1):
        return f"exit status {done.returncode}", False
    if "Stack dump" in errors or "Assertion" in errors or "runtime error" in errors:
        return "stack dump", False
    if done.returncode == 1 and "error:" not in errors:
        return "failed without an error message", False
    return None, done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    original = args.file.read_text(encoding="utf-8").splitlines()
    rng = random.Random(args.seed)
    accepted = faults = 0
    for k in range(args.count):
        lines = list(original)
        applied = [rng.choice(MUTATIONS) for _ in range(rng.choice([1, 1, 1, 2, 4]))]
        for mutation in applied:
            if lines:
                mutation(lines, rng)
        path = args.work / f"{k}{args.file.suffix}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [part.replace("{}", str(path)) for part in args.command]
        problem, ok = fault(command)
        accepted += ok
        if problem:
            faults += 1
            print(f"{problem} after {', '.join(m.__name__ for m in applied)}: {' '.join(command)}", file=sys.stderr)
    print(f"{args.count} mutations: {accepted} accepted, {args.count - accepted - faults} diagnosed, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
