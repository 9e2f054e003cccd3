# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Prints random matrix products for quant-bench --check: random_matmul.py SEED COUNT ISA...

COUNT products in all, of any weights and activations, by any family, for the instruction sets ISA... in turn (avx2;
with narrower vectors avx512vnni:256). Compiling takes most of the time, so most kernels are made for a number of rows
that is known at run time only, and do several.
"""

import random
import re
import sys

seed, count, isas = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
rng = random.Random(seed)
print(f"# random_matmul.py {' '.join(sys.argv[1:])}")


def choose_rows() -> list[int]:
    """Around the heights of tiles: 1 to 8, twice that, blocks of rows."""
    if rng.random() < 0.2:
        return [rng.choice([1, 1, 2, 3, 4, 5, 8, 9, 12, 17])]
    return rng.sample([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 19, 33], rng.randint(4, 7))


def choose_weight(tables: tuple[str, ...] = ("binary", "ternary", "ternary2"), share: float = 0.15) -> str:
    name = rng.choice(tables) if rng.random() < share else f"int{rng.randint(2, 8)}"
    group = rng.choice(["", "", ":tensor"] + [f":g{g}" for g in (1, 5, 8, 16, 20, 32, 64, 96, 128, 256)])
    zero = ":asym" if name.startswith("int") and rng.random() < 0.4 else ""
    return f"w={name}{group}{zero}" + (":f16" if rng.random() < 0.5 else "")


def choose_float_weight() -> str:
    return choose_weight(("binary", "ternary", "ternary2", "fp4", "nf4", *(f"kmeans{bits}" for bits in range(2, 9))), 0.5)


def choose_tables() -> str:
    """Learned tables of rows, of groups of at least as many columns as values, or of the tensor."""
    bits = rng.choice([2, 3, 4, 4, 5, 6, 7, 8])
    group = rng.choice(["", "", ":tensor"] + [f":g{g}" for g in (16, 20, 32, 64, 100, 128, 256) if g >= 1 << bits])
    return f"w=lut{bits}{group}" + (":f16" if rng.random() < 0.5 else "")


def choose_integers() -> str:
    """Quantized activations of 1 to 8 bits; of 1 bit there is no level on either side of zero for a group."""
    bits = rng.choice([8, 8, rng.randint(1, 7)])
    return f"a=int{bits}" + rng.choice(["", ":group" if bits > 1 else "", ":static" if bits == 8 else ""])


def choose_lookup() -> list[str]:
    """Few bits, in groups of whole indices of tables; five levels of three in any groups."""
    if rng.random() < 0.4:
        weight = re.sub("=[a-z0-9]*", "=ternary", choose_weight(share=1))
        kind = choose_integers() if rng.random() < 0.6 else rng.choice(["a=f32", "a=bf16"])
        return [weight, kind, "family=matmul_ternary" + ("" if kind.startswith("a=int") else "_f32")]
    tail = rng.choice(["", ":tensor"] + [f":g{g}" for g in (16, 32, 48, 64, 128, 256)]) + rng.choice(["", ":f16"])
    if rng.random() < 0.5:
        return [f"w=binary{tail}", choose_integers(), "family=matmul_lookup_int8"]
    return [f"w={rng.choice(['binary', 'ternary2', 'kmeans2', 'int2'])}{tail}", "a=f32", "family=matmul_lookup_f32"]


def choose_bf16_types() -> list[str]:
    """The same for rows of bf16: pairs are multiplied with packed codes of levels that bf16 has, else with any weight."""
    if rng.random() < 0.75:
        return [choose_weight(("binary", "ternary2", "fp4"), 0.25), "a=bf16", "family=matmul_packed_bf16"]
    return [choose_float_weight(), "a=bf16"]


def choose_types(isa: str) -> list[str]:
    """The weight, the activations, and the family if another one might be asked first."""
    if isa == "avx512bf16":
        return choose_bf16_types()
    if isa == "avx512vnni" and rng.random() < 0.3:
        return choose_lookup()
    kind = rng.random()
    if kind < 0.45:
        return [choose_weight(), choose_integers(), "family=matmul_packed"]
    if kind < 0.7:
        return [choose_weight(), choose_integers()]
    if kind < 0.8:
        return [choose_float_weight(), "a=f32", "family=matmul_packed_f32"]
    if kind < 0.85:
        return [choose_tables(), rng.choice(["a=f32", "a=bf16", "a=int8"]), "family=matmul_lut"]
    if kind < 0.9:
        return [choose_float_weight() if rng.random() < 0.6 else "w=f32", rng.choice(["a=f32", "a=bf16"])]
    return [choose_weight(), rng.choice(["a=int8", "a=f32"]), "family=reference_matmul"]


kernels = 0
while count > 0:
    rows = choose_rows()[:count]
    k = rng.randint(1, rng.choice([40, 150, 400]))
    isa = isas[kernels % len(isas)]
    words = [f"mpgemm m={','.join(map(str, rows))} n={rng.randint(1, 90)} k={k}", *choose_types(isa)]
    words += ["dynamic"] * (len(rows) > 1 or rng.random() < 0.2)
    words += [w for w in ("bias", "relu", "u8out") if rng.random() < 0.3]
    if rng.random() < 0.3:
        words.append(rng.choice(["residual", "residual u8res"]))
    print(*words, "isa=" + isa.replace(":", " vectors="))
    count -= len(rows)
    kernels += 1
