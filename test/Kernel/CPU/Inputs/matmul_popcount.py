# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Prints problems for quant-bench --check: every width of weights with every width of activations.

matmul_popcount.py [PART PARTS]: one of so many parts, in turn. Shapes are around the heights of tiles, streams, cells of 32
columns and groups; many kernels do several
numbers of rows, known when they run.
"""

import itertools
import sys

part, parts = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else (0, 1)

WEIGHTS = ["binary", "ternary2", *(f"int{bits}" for bits in range(2, 9))]
GROUPS = ["", ":g32:f16", ":g128", ":g16", ":g5:f16", ":g100", ":tensor", ":g64:f16", ":g1"]
ROWS = ["1", "2", "8", "3", "9", "1,2,3", "16", "5", "17"]
COLUMNS = ["1", "15", "16", "17", "33", "40"]
DEPTHS = ["1", "31", "32", "33", "96", "130", "257"]
KINDS = [":static", "", ":group", "", ":static", ":dynamic"]
REST = ["", "bias", "relu", "residual", "u8out", "residual u8res bias"]

for index, (weight, bits) in enumerate(itertools.product(WEIGHTS, range(1, 9))):
    if index % parts != part:
        continue

    def choose(values: list[str], step: int) -> str:
        return values[(index * step + index // len(values)) % len(values)]

    kind = choose(KINDS, 1)
    if kind == ":group" and bits == 1:
        kind = ""  # a scale around a middle needs two levels more
    zero = ":asym" if weight.startswith("int") and index % 3 == 0 else ""
    group = choose(GROUPS, 2)
    words = [f"mpgemm m={choose(ROWS, 1)} n={choose(COLUMNS, 1)} k={choose(DEPTHS, 3)}"]
    words += [f"w={weight}{group.replace(':f16', '')}{zero}{':f16' if ':f16' in group else ''}", f"a=int{bits}{kind}"]
    words += ["dynamic"] * ("," in words[0].split()[1]) + [choose(REST, 1), "family=matmul_popcount"]
    print(" ".join(word for word in words if word))
