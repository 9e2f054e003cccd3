# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""What each PTX instruction does, as a function of the block of threads (`ptx_emulator.Block`) that executes it.

A register holds bits, one unsigned number per thread; an instruction's type says what they are.
"""
import re

import numpy as np

SHARED_BASE = 1 << 10  # of the shared address space; 0 would hide null pointers

UNSIGNED = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
SIGNED = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}
FLOAT = {16: np.float16, 32: np.float32, 64: np.float64}


class PtxError(Exception):
    pass


def parse_number(text, bits):
    if text[:2] in ("0f", "0F"):
        return int(text[2:], 16)
    if text[:2] in ("0d", "0D"):
        return int(text[2:], 16)
    return int(text, 0)


def split_operands(text):
    """At commas outside of braces and brackets; {a, b} becomes a list."""
    operands, depth, start = [], 0, 0
    for i, c in enumerate(text + ","):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(c, 0)
        if c == "," and not depth:
            operands.append(text[start:i].strip())
            start = i + 1
    return [[p.strip() for p in o[1:-1].split(",")] if o[:1] == "{" else o for o in operands if o]


def type_of(parts):
    """(kind, bits) of the last type in an opcode, as u, s, b or f."""
    for part in reversed(parts):
        match = re.fullmatch(r"([usbf])(8|16|32|64)(x2)?", part)
        if match:
            return match[1], int(match[2]) * (2 if match[3] else 1), bool(match[3])
    raise PtxError(f"no type in {parts}")


def to_floats(bits_array, bits, packed):
    if packed:
        return np.ascontiguousarray(bits_array.astype(np.uint32)).view(np.float16).reshape(-1, 2)
    return np.ascontiguousarray(bits_array).view(FLOAT[bits])


def from_floats(values, bits, packed):
    if packed:
        return np.ascontiguousarray(values.astype(np.float16)).view(np.uint32).reshape(-1)
    return np.ascontiguousarray(values.astype(FLOAT[bits])).view(UNSIGNED[bits])


def address_of(operand):
    """[%rd1+16] => (%rd1, 16)"""
    match = re.fullmatch(r"\[\s*([%$\w]+)\s*(?:\+\s*(-?\d+))?\s*\]", operand)
    if not match:
        raise PtxError(f"address {operand}")
    return match[1], int(match[2] or 0)


def get_address(block, operand):
    base, offset = address_of(operand)
    if base == "shared_memory":
        value = np.full(block.threads, SHARED_BASE, np.uint64)
    else:
        value = block.get(base, 64)
    return (value + np.uint64(offset & (1 << 64) - 1))[block.mask]


def compile_instruction(text):
    """A function of the block that executes the instruction."""
    guard = re.match(r"^@(!?)(%\w+)\s+(.*)$", text)
    if guard:
        text = guard[3]
    opcode, _, rest = text.partition(" ")
    parts, operands = opcode.split("."), split_operands(rest)
    if parts[0] == "bra":
        if not guard:
            return lambda block: block.branch(operands[0], None)
        flip = bool(guard[1])
        return lambda block: block.branch(operands[0], block.get_bool(guard[2]) ^ flip)
    handler = HANDLERS.get(parts[0])
    if not handler:
        raise PtxError(f"unknown instruction `{text}`")
    run = handler(parts, operands)
    return predicate(run, guard[2], bool(guard[1])) if guard else run


def predicate(run, name, flip):
    """What `run` does, in the threads where the register is true."""
    def guarded(block):
        mask, everywhere = block.mask, block.all
        block.mask = mask & (block.get_bool(name) ^ flip)
        block.all = everywhere and bool(block.mask.all())
        if block.mask.any():
            run(block)
        block.mask, block.all = mask, everywhere
    return guarded


def handle_ret(parts, operands):
    return lambda block: block.leave()


def handle_bar(parts, operands):
    return lambda block: block.barrier()


def handle_mov(parts, operands):
    if parts[1] == "pred":
        return lambda block: block.set(operands[0], block.get_bool(operands[1]))
    bits = int(re.search(r"\d+", parts[1])[0])
    to, source = operands
    if isinstance(source, list):
        part = bits // len(source)

        def pack(block):
            value = np.zeros(block.threads, UNSIGNED[bits])
            for i, name in enumerate(source):
                value |= block.get(name, part).astype(UNSIGNED[bits]) << UNSIGNED[bits](i * part)
            block.set(to, value)
        return pack
    if isinstance(to, list):
        part = bits // len(to)

        def unpack(block):
            value = block.get(source, bits)
            for i, name in enumerate(to):
                if name != "_":
                    block.set(name, (value >> UNSIGNED[bits](i * part)).astype(UNSIGNED[part]))
        return unpack
    if source == "shared_memory":
        return lambda block: block.set(to, np.full(block.threads, SHARED_BASE, np.uint64))
    return lambda block: block.set(to, block.get(source, bits))


def handle_ld(parts, operands):
    if "param" in parts:
        name, _ = address_of(operands[1])

        def run(block):
            value, bits = block.parameters[name]
            block.set(operands[0], np.full(block.threads, value, UNSIGNED[bits]))
        return run
    _, bits, _ = type_of(parts)
    names = operands[0] if isinstance(operands[0], list) else [operands[0]]
    size = bits // 8 * len(names)
    space = next(p for p in parts if p in ("global", "shared"))

    def load(block):
        address = get_address(block, operands[1])
        data = block.load_global(address, size) if space == "global" else block.load_shared(address, size, "load")
        values = np.ascontiguousarray(data).view(UNSIGNED[bits])
        for i, name in enumerate(names):
            value = np.zeros(block.threads, UNSIGNED[bits])
            value[block.mask] = values[:, i]
            block.set(name, value)
    return load


def handle_st(parts, operands):
    _, bits, _ = type_of(parts)
    names = operands[1] if isinstance(operands[1], list) else [operands[1]]
    space = next(p for p in parts if p in ("global", "shared"))

    def store(block):
        address = get_address(block, operands[0])
        values = np.stack([block.get(name, bits)[block.mask] for name in names], 1)
        data = np.ascontiguousarray(values).view(np.uint8)
        if space == "global":
            block.store_global(address, data)
        else:
            block.store_shared(address, data)
    return store


def handle_cp(parts, operands):
    if "commit_group" in parts:
        return lambda block: block.commit_copies()
    if "wait_group" in parts:
        return lambda block: block.wait_copies(int(operands[0]))
    size = int(operands[2], 0)

    def copy(block):
        count = block.get(operands[3], 32)[block.mask] if len(operands) > 3 else np.full(block.mask.sum(), size)
        block.begin_copy(get_address(block, operands[0]), get_address(block, operands[1]), size, count)
    return copy


def handle_ldmatrix(parts, operands):
    if parts[1:] != "sync aligned m8n8 x4 shared b16".split():
        raise PtxError(f"ldmatrix {parts}")

    def load(block):
        block.need_warps()
        address = get_address(block, operands[1])
        rows = block.load_shared(address, 16, "ldmatrix").reshape(-1, 4, 8, 4, 4)  # warp, matrix, row, part, bytes
        words = np.ascontiguousarray(rows).view(np.uint32)[..., 0].reshape(-1, 4, 32)
        for matrix, name in enumerate(operands[0]):
            value = np.zeros(block.threads, np.uint32)
            value[block.mask] = words[:, matrix].reshape(-1)
            block.set(name, value)
    return load


def handle_mma(parts, operands):
    if parts[1:] != "sync aligned m16n8k16 row col f32 f16 f16 f32".split():
        raise PtxError(f"mma {parts}")
    to, a_names, b_names, c_names = operands
    lane = np.arange(32)
    g, t = lane // 4, lane % 4

    def multiply(block):
        block.need_warps()

        def halves(name):
            value = np.ascontiguousarray(block.get(name, 32)[block.mask])
            return value.view(np.float16).reshape(-1, 32, 2).astype(np.float64)
        warps = int(block.mask.sum()) // 32
        a, b = np.empty((warps, 16, 16)), np.empty((warps, 16, 8))
        for i, name in enumerate(a_names):
            value = halves(name)
            for e in range(2):
                a[:, g + 8 * (i % 2), 2 * t + e + 8 * (i // 2)] = value[:, :, e]
        for i, name in enumerate(b_names):
            value = halves(name)
            for e in range(2):
                b[:, 2 * t + e + 8 * i, g] = value[:, :, e]
        with np.errstate(invalid="ignore"):
            product = a @ b
        for i, (name, c_name) in enumerate(zip(to, c_names)):
            c = np.ascontiguousarray(block.get(c_name, 32)[block.mask]).view(np.float32).reshape(-1, 32)
            value = np.zeros(block.threads, np.uint32)
            with np.errstate(invalid="ignore", over="ignore"):
                d = (product[:, g + 8 * (i // 2), 2 * t + i % 2] + c).astype(np.float32)
            value[block.mask] = d.reshape(-1).view(np.uint32)
            block.set(name, value)
    return multiply


def handle_wgmma(parts, operands):
    """PTX ISA 9.7.15; the left operand in registers, the right one in rows of 128 bytes, swizzled."""
    if parts[1] == "fence":
        return lambda block: block.fence_products()
    if parts[1] == "commit_group":
        return lambda block: block.commit_products()
    if parts[1] == "wait_group":
        return lambda block: block.wait_products(int(operands[0]))
    match = re.fullmatch(r"mma_async sync aligned m64n(\d+)k16 f32 f16 f16", " ".join(parts[1:]))
    if not match or operands[3:] != ["1", "1", "1", "0"]:
        raise PtxError(f"wgmma {parts} {operands}")
    columns, names, a_names = int(match[1]), operands[0], operands[1]
    lane = np.arange(32)
    g, t = lane // 4, lane % 4

    def multiply(block):
        if not block.all or block.threads % 128:
            raise PtxError("not all threads of the warpgroups are here")
        groups = block.threads // 128
        description = block.get(operands[2], 64).reshape(groups, 128)
        if (description != description[:, :1]).any():
            raise PtxError("threads of a warpgroup describe different matrices")
        a = np.empty((groups, 4, 16, 16))
        for i, name in enumerate(a_names):
            value = np.ascontiguousarray(block.get(name, 32)).view(np.float16).reshape(groups, 4, 32, 2)
            for e in range(2):
                a[:, :, g + 8 * (i % 2), 2 * t + e + 8 * (i // 2)] = value[..., e]
        b = np.stack([block.read_described(int(d[0]), columns, n) for n, d in enumerate(description)])
        with np.errstate(invalid="ignore"):
            product = np.einsum("gwik,gjk->gwij", a, b)
        for i, name in enumerate(names):
            c = np.ascontiguousarray(block.get(name, 32, in_flight=True)).view(np.float32).reshape(groups, 4, 32)
            with np.errstate(invalid="ignore", over="ignore"):
                d = product[:, :, g + 8 * (i // 2 % 2), 8 * (i // 4) + 2 * t + i % 2] + c
            block.set(name, np.ascontiguousarray(d.astype(np.float32)).reshape(-1).view(np.uint32))
        block.begin_product(names)
    return multiply


def handle_fence(parts, operands):
    if parts[:3] == ["fence", "proxy", "async"]:
        return lambda block: block.fence_proxies()
    return lambda block: None  # blocks run one after the other


def handle_atom(parts, operands):
    if "add" not in parts or parts[-1] != "u32" or "global" not in parts:
        raise PtxError(f"atom {parts}")

    def add(block):
        address, value = get_address(block, operands[1]), block.get(operands[2], 32)[block.mask]
        result = np.zeros(block.threads, np.uint32)
        for place, at, more in zip(np.nonzero(block.mask)[0], address, value):
            before = block.load_global(at[None], 4)
            result[place] = before.view(np.uint32)[0, 0]
            block.store_global(at[None], (before.view(np.uint32) + more).view(np.uint8))
        block.set(operands[0], result)
    return add


def handle_lop3(parts, operands):
    table = int(operands[4], 0)

    def run(block):
        x, y, z = (block.get(o, 32) for o in operands[1:4])
        value = np.zeros(block.threads, np.uint32)
        for i in range(8):
            if table >> i & 1:
                value |= (x if i & 4 else ~x) & (y if i & 2 else ~y) & (z if i & 1 else ~z)
        block.set(operands[0], value)
    return run


def handle_cvt(parts, operands):
    types = [p for p in parts if re.fullmatch(r"[usf](8|16|32|64)(x2)?", p)]
    to, source = types
    if to == "f16x2":
        def pack(block):  # d = {a: high, b: low}
            high, low = (block.get(o, 32).view(np.float32) for o in operands[1:])
            with np.errstate(over="ignore"):
                block.set(operands[0], from_floats(np.stack([low, high], 1), 32, True))
        return pack
    to_kind, to_bits, _ = type_of([to])
    kind, bits, _ = type_of([source])

    def run(block):
        value = block.get(operands[1], bits)
        if kind == "f":
            with np.errstate(over="ignore"):
                block.set(operands[0], value.view(FLOAT[bits]).astype(FLOAT[to_bits]).view(UNSIGNED[to_bits]))
        elif to_kind == "f":
            raise PtxError(f"conversion from {source} to {to}")
        else:
            number = value.view(SIGNED[bits]) if kind == "s" else value
            block.set(operands[0], number.astype(UNSIGNED[to_bits]))
    return run


def arithmetic(function):
    """Elementwise on numbers of the instruction's type."""
    def handler(parts, operands):
        kind, bits, packed = type_of(parts)

        def run(block):
            values = []
            for operand in operands[1:]:
                value = block.get(operand, bits)
                if kind == "f":
                    value = to_floats(value, bits, packed)
                elif kind == "s":
                    value = value.view(SIGNED[bits])
                values.append(value)
            with np.errstate(all="ignore"):
                result = function(kind, *values)
            if kind == "f":
                block.set(operands[0], from_floats(result, bits, packed))
            else:
                block.set(operands[0], result.astype(UNSIGNED[bits]))
        return run
    return handler


def multiply_add(kind, x, y, z):
    if kind != "f":
        return x * y + z
    # One rounding: f16 exactly, f32 but for double rounding.
    return x.astype(np.float64) * y.astype(np.float64) + z.astype(np.float64)


def handle_mul(parts, operands):
    if parts[1] == "wide":
        return wide(parts, operands, None)
    return arithmetic(lambda kind, x, y: x * y)(parts, operands)


def handle_mad(parts, operands):
    if parts[1] == "wide":
        return wide(parts, operands, operands[3])
    return arithmetic(multiply_add)(parts, operands)


def wide(parts, operands, addend):
    kind, bits, _ = type_of(parts)
    types = SIGNED if kind == "s" else UNSIGNED

    def run(block):
        x, y = (block.get(o, bits).view(types[bits]).astype(types[2 * bits]) for o in operands[1:3])
        value = (x * y).astype(UNSIGNED[2 * bits])
        block.set(operands[0], value if addend is None else value + block.get(addend, 2 * bits))
    return run


def logic(function):
    def handler(parts, operands):
        if parts[-1] == "pred":
            return lambda block: block.set(operands[0], function(*(block.get_bool(o) for o in operands[1:])))
        bits = int(parts[-1][1:])
        return lambda block: block.set(operands[0], function(*(block.get(o, bits) for o in operands[1:])))
    return handler


def shift(function):
    def handler(parts, operands):
        kind, bits, _ = type_of(parts)

        def run(block):
            value, count = block.get(operands[1], bits), block.get(operands[2], 32).astype(np.uint64)
            number = value.view(SIGNED[bits]) if kind == "s" else value
            shifted = function(number, np.minimum(count, bits - 1).astype(number.dtype))
            gone = np.where(number < 0, -1, 0) if kind == "s" else 0
            block.set(operands[0], np.where(count < bits, shifted, gone).astype(UNSIGNED[bits]))
        return run
    return handler


COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
           "ge": np.greater_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal}


def handle_setp(parts, operands):
    kind, bits, _ = type_of(parts)
    compare = COMPARE[parts[1]]

    def run(block):
        x, y = (block.get(o, bits) for o in operands[1:])
        if kind == "s":
            x, y = x.view(SIGNED[bits]), y.view(SIGNED[bits])
        elif kind == "f":
            x, y = x.view(FLOAT[bits]), y.view(FLOAT[bits])
        block.set(operands[0], compare(x, y))
    return run


def handle_selp(parts, operands):
    _, bits, _ = type_of(parts)
    return lambda block: block.set(operands[0], np.where(block.get_bool(operands[3]), block.get(operands[1], bits),
                                                         block.get(operands[2], bits)))


def handle_prmt(parts, operands):
    def run(block):
        low, high = block.get(operands[1], 32).astype(np.uint64), block.get(operands[2], 32).astype(np.uint64)
        both, selector = low | high << np.uint64(32), block.get(operands[3], 32)
        value = np.zeros(block.threads, np.uint32)
        for i in range(4):
            which = (selector >> np.uint32(4 * i)).astype(np.uint64) & np.uint64(15)
            if (which > 7).any():
                raise PtxError("prmt with sign replication")
            value |= ((both >> which * np.uint64(8)) & np.uint64(255)).astype(np.uint32) << np.uint32(8 * i)
        block.set(operands[0], value)
    return run


def handle_bfe(parts, operands):
    def run(block):
        value, start, length = (block.get(o, 32).astype(np.uint64) for o in operands[1:])
        field = value >> start & (np.uint64(1) << length) - np.uint64(1)
        if parts[-1] == "s32":  # its highest bit is the sign
            field -= (field >> length - np.uint64(1) & np.uint64(1)) << length
        block.set(operands[0], field.astype(np.uint32))
    return run


def maximum(kind, x, y):
    return np.fmax(x, y) if kind == "f" else np.maximum(x, y)


def minimum(kind, x, y):
    return np.fmin(x, y) if kind == "f" else np.minimum(x, y)


HANDLERS = {
    "ret": handle_ret, "bar": handle_bar, "barrier": handle_bar, "mov": handle_mov, "ld": handle_ld, "st": handle_st,
    "cp": handle_cp, "wgmma": handle_wgmma, "fence": handle_fence, "membar": handle_fence, "atom": handle_atom,
    "ldmatrix": handle_ldmatrix, "mma": handle_mma, "lop3": handle_lop3, "cvt": handle_cvt,
    "mul": handle_mul, "mad": handle_mad, "setp": handle_setp, "selp": handle_selp, "prmt": handle_prmt,
    "bfe": handle_bfe,
    "add": arithmetic(lambda kind, x, y: x + y), "sub": arithmetic(lambda kind, x, y: x - y),
    "neg": arithmetic(lambda kind, x: -x), "fma": arithmetic(multiply_add), "min": arithmetic(minimum),
    "max": arithmetic(maximum),
    "and": logic(lambda x, y: x & y), "or": logic(lambda x, y: x | y), "xor": logic(lambda x, y: x ^ y),
    "not": logic(lambda x: ~x),
    "shl": shift(lambda x, n: x << n), "shr": shift(lambda x, n: x >> n),
}
