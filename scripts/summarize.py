# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Sums up lit's JSON report: which tests were skipped and why, then `N passed, N failed, N skipped`.

A test that lit could neither run nor skip (unresolved, timed out, unexpectedly passed) counts as failed.
"""
import collections
import json
import sys

PASSED = {"PASS", "XFAIL", "FLAKYPASS"}
SKIPPED = {"UNSUPPORTED", "SKIPPED", "EXCLUDED"}


def main(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError, KeyError) as error:
        print(f"summarize: {path}: no report of lit: {error}", file=sys.stderr)
        return 1
    tests = [test for test in tests if test["code"] != "EXCLUDED"]
    reasons = collections.defaultdict(list)
    for test in tests:
        if test["code"] in SKIPPED:
            reason = test["output"].strip().splitlines()
            reasons[reason[0] if test["code"] == "UNSUPPORTED" and reason else "the test skipped itself"].append(test["name"])
    for reason, names in sorted(reasons.items()):
        print(f"skipped ({reason}):")
        for name in sorted(names):
            print(f"  {name}")
    skipped = sum(map(len, reasons.values()))
    passed = sum(test["code"] in PASSED for test in tests)
    failed = len(tests) - passed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
