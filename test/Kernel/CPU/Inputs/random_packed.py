# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Prints random problems for matmul_packed: random_packed.py SEED COUNT."""

import random
import sys

rng = random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    bits = rng.randint(2, 8)
    group = rng.choice(["", "", ":tensor"] + [f":g{g}" for g in (1, 5, 8, 16, 20, 32, 64, 96, 128, 256)])
    name = rng.choice(["binary", "ternary2"]) if rng.random() < 0.2 else f"int{bits}"
    zero = ":asym" if name.startswith("int") and rng.random() < 0.4 else ""
    half = ":f16" if rng.random() < 0.5 else ""
    words = [
        f"mpgemm m={rng.choice([1, 1, 2, 3, 4, 5, 8, 9, 12, 19])} n={rng.randint(1, 90)} k={rng.randint(1, 400)}",
        f"w={name}{group}{zero}{half}",
        rng.choice(["a=int8", "a=int8:static"]),
    ]
    words += [w for w in ("dynamic", "bias", "relu", "u8out") if rng.random() < 0.3]
    if rng.random() < 0.3:
        words.append(rng.choice(["residual", "residual u8res"]))
    print(" ".join(words))
