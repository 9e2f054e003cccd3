# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Prints random problems for kernels on packed weights: random_packed.py SEED COUNT [f32].

With f32, activations are floats, and formats may have any table.
"""

import random
import sys

rng = random.Random(int(sys.argv[1]))
floats = sys.argv[3:] == ["f32"]
tables = ["binary", "ternary2"] + (["fp4", "nf4"] + [f"kmeans{bits}" for bits in range(2, 9)] if floats else [])
for _ in range(int(sys.argv[2])):
    bits = rng.randint(2, 8)
    group = rng.choice(["", "", ":tensor"] + [f":g{g}" for g in (1, 5, 8, 16, 20, 32, 64, 96, 128, 256)])
    name = rng.choice(tables) if rng.random() < (0.5 if floats else 0.2) else f"int{bits}"
    zero = ":asym" if name.startswith("int") and rng.random() < 0.4 else ""
    half = ":f16" if rng.random() < 0.5 else ""
    words = [
        f"mpgemm m={rng.choice([1, 1, 2, 3, 4, 5, 8, 9, 12, 19])} n={rng.randint(1, 90)} k={rng.randint(1, 400)}",
        f"w={name}{group}{zero}{half}",
        "a=f32" if floats else rng.choice(["a=int8", "a=int8:static"]),
    ]
    words += [w for w in ("dynamic", "bias", "relu", "u8out") if rng.random() < 0.3]
    if rng.random() < 0.3:
        words.append(rng.choice(["residual", "residual u8res"]))
    print(" ".join(words))
