# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Runs PTX on the CPU: what a GPU would compute, and what it would not forgive.

All threads of a block are executed together: a register is a numpy array with one element per thread. Where
a branch divides them, one part waits until the other has come to where all ways from the branch meet again
(its immediate postdominator), as on the hardware.

Instructions mean what the PTX ISA says, in particular `mma.sync.m16n8k16`, `ldmatrix` and `cp.async` with
their distribution of data over the lanes. An error is raised for

  * an access outside of a buffer or of the shared memory that the launch has, or not aligned
  * shared memory that is read before it was written
  * a race: two threads touch four bytes of shared memory, one of them writing, without a barrier between
  * bytes touched while an asynchronous copy to them is in flight (data arrives as late as it may)
  * `wgmma`: sums used while a product is on its way, bytes overwritten that one reads, bytes read that were written
    since the last `fence.proxy.async`
  * a warp-wide instruction that not all lanes of a warp reach, or a barrier that not all threads reach
  * any instruction that `ptx_instructions.py` does not know

Counted are bank conflicts of shared memory (`bank_conflicts`, extra cycles per kind of access).

The lanes of a warp run in step here; on the hardware they may not, which the race check makes up for.
"""
import ctypes
import re

import numpy as np

from ptx_instructions import SHARED_BASE, UNSIGNED, PtxError, compile_instruction, parse_number

BUFFER_BITS = 40  # a buffer begins at (number << BUFFER_BITS)
CHUNK = 4  # granularity of the race check, bytes
NOBODY, MANY = -1, -2


class Kernel:
    """One .entry: its parameters and its instructions."""

    def __init__(self, name, parameters, body, threads):
        self.name, self.parameters, self.threads = name, parameters, threads
        self.instructions, self.labels, self.code = [], {}, None
        for statement in body:
            label = re.match(r"^(\$?[\w$]+):\s*(.*)$", statement)
            while label:
                self.labels[label[1]] = len(self.instructions)
                statement = label[2]
                label = re.match(r"^(\$?[\w$]+):\s*(.*)$", statement)
            if statement and not statement.startswith("."):
                self.instructions.append(statement)

    def compile(self):
        if self.code is None:
            self.meetings = find_meetings(self.instructions, self.labels)
            self.code = [compile_instruction(text) for text in self.instructions]


def find_meetings(instructions, labels):
    """For every conditional branch where its ways meet: its immediate postdominator. The end is len(instructions)."""
    end = len(instructions)
    ways, order, numbers = {end: []}, [], {}
    for at, text in enumerate(instructions):
        target = re.match(r"^(@\S+ )?bra\S* (\S+)$", text)
        ways[at] = [] if not target else [labels[target[2]]]
        if not target or target[1]:
            ways[at].append(end if text.startswith("ret") else at + 1)
    before = {at: [] for at in ways}
    for at, targets in ways.items():
        for target in targets:
            before[target].append(at)
    # Depth first from the end against the flow; then dominators of the reversed graph (Cooper, Harvey, Kennedy 2001).
    stack, seen = [(end, iter(before[end]))], {end}
    while stack:
        following = next((b for b in stack[-1][1] if b not in seen), None)
        if following is None:
            order.append(stack.pop()[0])
            numbers[order[-1]] = len(order)
        else:
            seen.add(following)
            stack.append((following, iter(before[following])))
    meeting, changed = {end: end}, True
    while changed:
        changed = False
        for at in reversed(order[:-1]):
            known = [w for w in ways[at] if w in meeting]
            common = known[0]
            for other in known[1:]:
                while common != other:
                    if numbers[common] < numbers[other]:
                        common = meeting[common]
                    else:
                        other = meeting[other]
            if meeting.get(at) != common:
                meeting[at], changed = common, True
    return {at: meeting[at] for at, targets in ways.items() if len(targets) > 1}


def parse(text):
    """The kernels of a PTX file by name."""
    text = re.sub(r"//[^\n]*", "", text)
    kernels = {}
    for match in re.finditer(r"\.entry\s+(\w+)\s*\((.*?)\)([^{]*)\{", text, re.S):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        body = [" ".join(s.split()) for s in re.sub(r":\s*\n", ": ", text[match.end():end - 1]).split(";")]
        parameters = [(p.split()[-1], int(re.search(r"\.[a-z](\d+)", p)[1])) for p in match[2].split(",") if p.strip()]
        directive = re.search(r"\.(?:req|max)ntid\s+(\d+)", match[3])
        kernels[match[1]] = Kernel(match[1], parameters, [s for s in body if s], directive and int(directive[1]))
    return kernels


class Buffer:
    def __init__(self, number, data):
        self.base = number << BUFFER_BITS
        self.bytes = data


class Device:
    """Global memory, and what `mpq.gpu.Program` wants of a device beside it."""

    def __init__(self):
        self.buffers = []
        self.bank_conflicts = {}
        self.instructions_run = 0

    def load(self, ptx):
        return parse(ptx)

    def get_kernel(self, module, name, shared_bytes):
        return module[name]

    def allocate(self, array):
        """The address of a buffer with the bytes of `array` (copied)."""
        data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8).copy()
        self.buffers.append(Buffer(len(self.buffers) + 1, data))
        return self.buffers[-1].base

    def free(self, address):
        """Accesses from now on are errors."""
        self.buffers[(address >> BUFFER_BITS) - 1].bytes = np.empty(0, np.uint8)

    def read(self, address, dtype, shape):
        """The contents of a whole buffer."""
        return self.buffers[(address >> BUFFER_BITS) - 1].bytes.view(dtype).reshape(shape).copy()

    def launch(self, kernel, grid, block, shared_bytes, arguments, types):
        if kernel.threads != block[0] or block[1:] != [1, 1]:
            raise PtxError(f"{kernel.name} is for {kernel.threads} threads and launched with {block}")
        bits = [8 * ctypes.sizeof(kind) for kind in types]
        if bits != [bits for _, bits in kernel.parameters]:
            raise PtxError(f"{kernel.name} has parameters {kernel.parameters} and gets {bits} bits")
        for z, y, x in np.ndindex(*reversed(grid)):
            Block(self, kernel, (x, y, z), block[0], shared_bytes, arguments).run()


class Block:
    """The execution of one block of threads."""

    def __init__(self, device, kernel, position, threads, shared_bytes, arguments):
        self.device, self.kernel, self.threads = device, kernel, threads
        self.parameters = {n: (v, bits) for (n, bits), v in zip(kernel.parameters, arguments)}
        self.special = {
            "%tid.x": np.arange(threads, dtype=np.uint32),
            "%ctaid.x": np.full(threads, position[0], np.uint32),
            "%ctaid.y": np.full(threads, position[1], np.uint32),
            "%ctaid.z": np.full(threads, position[2], np.uint32),
        }
        self.registers = {}
        chunks = -(-shared_bytes // CHUNK)
        self.shared_bytes = shared_bytes
        self.shared = np.zeros(shared_bytes, np.uint8)
        self.written = np.zeros(shared_bytes, bool)
        self.in_flight = np.zeros(shared_bytes, np.int32)
        # Per chunk: who read and wrote it last, and in which stretch between two barriers.
        self.reader, self.read_epoch = np.full(chunks, NOBODY), np.full(chunks, -1)
        self.writer, self.write_epoch = np.full(chunks, NOBODY), np.full(chunks, -1)
        self.epoch = 0
        # Copies in flight, each with the number of its group, which every thread counts for itself.
        self.copies, self.commits = [], np.zeros(threads, np.int64)
        # Products by wgmma in flight, by group: the sums that they write and the bytes that they read.
        self.products, self.groups, self.read_now, self.fenced = [], [], [], False
        self.flying, self.reading = {}, np.zeros(shared_bytes, np.int32)
        # Bytes written by ordinary means that wgmma may not see yet.
        self.unfenced = np.zeros(shared_bytes, bool)
        # Groups of threads: where they are, where they wait for others, who they are. The last one runs.
        self.stack = [[0, None, np.ones(threads, bool)]]
        self.mask = np.ones(threads, bool)
        self.all = True

    # --- Control ------------------------------------------------------------

    def run(self):
        kernel = self.kernel
        kernel.compile()
        while self.stack:
            pc, meeting, mask = self.stack[-1]
            if pc in (meeting, len(kernel.code)):
                self.stack.pop()
                continue
            self.mask, self.all = mask, bool(mask.all())
            self.stack[-1][0] = pc + 1
            try:
                kernel.code[pc](self)
            except PtxError as error:
                raise PtxError(f"{kernel.name}: {error}, at `{kernel.instructions[pc]}`") from None
            self.device.instructions_run += 1
        self.mask = np.ones(self.threads, bool)
        self.finish_copies(np.full(self.threads, 1 << 62))

    def branch(self, label, condition):
        target, following = self.kernel.labels[label], self.stack[-1][0]
        taken = self.mask if condition is None else self.mask & condition
        left = self.mask & ~taken
        if not left.any():
            self.stack[-1][0] = target
        elif taken.any():
            # All go on from the meeting point once both parts have come there.
            self.stack[-1][0] = meeting = self.kernel.meetings[following - 1]
            self.stack += [[following, meeting, left], [target, meeting, taken]]

    def leave(self):
        """The active threads are done."""
        if len(self.stack) > 1:
            raise PtxError("some threads return and others do not")
        self.stack[-1][0] = len(self.kernel.code)

    def need_warps(self):
        lanes = self.mask.reshape(-1, 32)
        if not (lanes.all(1) | ~lanes.any(1)).all():
            raise PtxError("not all lanes of a warp are here")

    def barrier(self):
        if not self.all:
            raise PtxError("not all threads reach the barrier")
        self.epoch += 1

    # --- Registers ----------------------------------------------------------

    def get(self, name, bits, in_flight=False):
        """The bits of an operand, one unsigned number per thread."""
        kind = UNSIGNED[bits]
        if not in_flight and self.flying.get(name):
            raise PtxError(f"{name} is read while a product that writes it is in flight")
        if name in self.special:
            return self.special[name].astype(kind)
        if name[0] == "%":
            if name not in self.registers:
                raise PtxError(f"{name} is read before it is written")
            return self.registers[name].astype(kind, copy=False)
        return np.full(self.threads, parse_number(name, bits) & (1 << bits) - 1, kind)

    def get_bool(self, name):
        if name in ("-1", "1", "0"):
            return np.full(self.threads, name != "0")
        return self.registers[name]

    def set(self, name, value):
        if self.all or name not in self.registers:
            # What threads that are not here have is never read by correct code.
            self.registers[name] = value.copy()
        else:
            self.registers[name] = np.where(self.mask, value, self.registers[name])

    # --- Global memory ------------------------------------------------------

    def find(self, addresses, size):
        """Buffer and offsets of the active threads' addresses."""
        numbers = np.unique(addresses >> np.uint64(BUFFER_BITS))
        for number in numbers:
            if not 1 <= number <= len(self.device.buffers):
                raise PtxError(f"address {int(number) << BUFFER_BITS:#x} is in no buffer")
            buffer = self.device.buffers[int(number) - 1]
            here = addresses >> np.uint64(BUFFER_BITS) == number
            offsets = (addresses[here] & np.uint64((1 << BUFFER_BITS) - 1)).astype(np.int64)
            if (offsets % size).any():
                raise PtxError(f"{size} bytes at offset {offsets[offsets % size != 0][0]} are not aligned")
            if (offsets + size > len(buffer.bytes)).any():
                raise PtxError(f"offset {offsets.max()} + {size} is past the {len(buffer.bytes)} bytes of buffer {number}")
            yield buffer, here, offsets

    def load_global(self, addresses, size):
        """`size` bytes for each address, [n][size]."""
        result = np.empty((len(addresses), size), np.uint8)
        for buffer, here, offsets in self.find(addresses, size):
            result[here] = buffer.bytes[offsets[:, None] + np.arange(size)]
        return result

    def store_global(self, addresses, data):
        for buffer, here, offsets in self.find(addresses, data.shape[1]):
            buffer.bytes[offsets[:, None] + np.arange(data.shape[1])] = data[here]

    # --- Shared memory ------------------------------------------------------

    def place(self, addresses, size):
        offsets = addresses.astype(np.int64) - SHARED_BASE
        if (offsets % size).any():
            raise PtxError(f"{size} bytes at shared offset {offsets[offsets % size != 0][0]} are not aligned")
        if (offsets < 0).any() or (offsets + size > self.shared_bytes).any():
            raise PtxError(f"shared offsets {offsets.min()}..{offsets.max()} + {size} leave the {self.shared_bytes} bytes")
        return offsets

    def check_flight(self, index):
        if self.in_flight[index].any():
            raise PtxError("touches bytes to which a copy is in flight")

    @staticmethod
    def split(offsets, threads, size):
        """The chunks of accesses of `size` bytes, and who touches each."""
        chunks = offsets[:, None] // CHUNK + np.arange(max(1, size // CHUNK))
        return chunks.reshape(-1), np.repeat(threads, chunks.shape[1])

    def check_read(self, offsets, threads, size):
        chunks, threads = self.split(offsets, threads, size)
        if ((self.write_epoch[chunks] == self.epoch) & (self.writer[chunks] != threads)).any():
            raise PtxError("reads what another thread wrote since the last barrier")
        fresh = self.read_epoch[chunks] != self.epoch
        other = ~fresh & (self.reader[chunks] != threads)
        self.reader[chunks] = np.where(other, MANY, threads)
        # Several threads of this instruction may read the same chunk.
        order = np.argsort(chunks, kind="stable")
        same = chunks[order][1:] == chunks[order][:-1]
        differ = threads[order][1:] != threads[order][:-1]
        self.reader[chunks[order][1:][same & differ]] = MANY
        self.read_epoch[chunks] = self.epoch

    def check_write(self, offsets, threads, size):
        chunks, threads = self.split(offsets, threads, size)
        if self.reading[offsets].any():
            raise PtxError("overwrites what a product in flight reads")
        if ((self.read_epoch[chunks] == self.epoch) & (self.reader[chunks] != threads)).any():
            raise PtxError("writes what another thread read since the last barrier")
        if ((self.write_epoch[chunks] == self.epoch) & (self.writer[chunks] != threads)).any():
            raise PtxError("writes what another thread wrote since the last barrier")
        if len(np.unique(chunks)) != len(chunks):
            raise PtxError("two threads write the same bytes")
        self.writer[chunks], self.write_epoch[chunks] = threads, self.epoch

    def count_conflicts(self, kind, offsets, threads, size):
        """Cycles beyond those that the bytes need, for accesses of 16 bytes and less per thread."""
        per_phase = min(32, 128 // size)
        phases = threads // per_phase
        extra = 0
        for phase in np.unique(phases):
            words = np.unique(offsets[phases == phase][:, None] // 4 + np.arange(max(1, size // 4)))
            extra += int(np.bincount(words % 32).max()) - 1
        self.device.bank_conflicts[kind] = self.device.bank_conflicts.get(kind, 0) + extra

    def active(self):
        return np.nonzero(self.mask)[0]

    def load_shared(self, addresses, size, kind):
        offsets, threads = self.place(addresses, size), self.active()
        index = offsets[:, None] + np.arange(size)
        self.check_flight(index)
        if not self.written[index].all():
            raise PtxError("reads shared memory that nobody wrote")
        self.check_read(offsets, threads, size)
        self.count_conflicts(kind, offsets, threads, size)
        return self.shared[index]

    def store_shared(self, addresses, data):
        size = data.shape[1]
        offsets, threads = self.place(addresses, size), self.active()
        index = offsets[:, None] + np.arange(size)
        self.check_flight(index)
        self.check_write(offsets, threads, size)
        self.count_conflicts("store", offsets, threads, size)
        self.shared[index], self.written[index] = data, True
        self.unfenced[index] = True

    # --- Products by warpgroups -----------------------------------------------

    def read_described(self, description, rows, group):
        """The matrix [rows][16] of f16 that a wgmma descriptor means, for warpgroup `group`."""
        start, stride, swizzle = description & 0x3fff, description >> 32 & 0x3fff, description >> 62
        if (stride, swizzle) != (64, 1):
            raise PtxError(f"matrix with a stride of {stride * 16} bytes and swizzle mode {swizzle}")
        row = np.arange(rows)[:, None]
        address = start * 16 + row * 128 + np.arange(0, 32, 16)
        address ^= (address >> 7 & 7) << 4  # the swizzle is of addresses
        offsets = self.place(address.reshape(-1).astype(np.uint64), 16)
        index = offsets[:, None] + np.arange(16)
        self.check_flight(index)
        if not self.written[index].all():
            raise PtxError("multiplies shared memory that nobody wrote")
        if self.unfenced[index].any():
            raise PtxError("multiplies what was written since the last fence.proxy.async")
        self.check_read(offsets, np.full(len(offsets), MANY), 16)
        self.read_now.append(index)
        return np.ascontiguousarray(self.shared[index]).view(np.float16).reshape(rows, 16).astype(np.float64)

    def begin_product(self, names):
        if not self.fenced:
            raise PtxError("wgmma without a fence before it")
        for name in names:
            self.flying[name] = self.flying.get(name, 0) + 1
        for index in self.read_now:
            self.reading[index] += 1
        self.products.append((names, self.read_now))
        self.read_now = []

    def fence_products(self):
        self.fenced = True

    def commit_products(self):
        self.groups.append(self.products)
        self.products, self.fenced = [], False

    def wait_products(self, in_flight):
        while len(self.groups) > in_flight:
            for names, indices in self.groups.pop(0):
                for name in names:
                    self.flying[name] -= 1
                for index in indices:
                    self.reading[index] -= 1

    def fence_proxies(self):
        if not self.all:
            raise PtxError("only some threads fence")
        self.unfenced[:] = False

    # --- Asynchronous copies ------------------------------------------------

    def begin_copy(self, to, source, size, count):
        """`count` bytes of `size`, per thread; the rest is zero."""
        offsets, threads = self.place(to, size), self.active()
        index = offsets[:, None] + np.arange(size)
        self.check_flight(index)
        self.check_write(offsets, threads, size)
        self.count_conflicts("copy", offsets, threads, size)
        if not np.isin(count, (0, size)).all():
            raise PtxError(f"copies {sorted(set(count.tolist()))} bytes; 0 and {size} are known here")
        data = np.zeros((len(threads), size), np.uint8)
        some = count > 0
        if some.any():
            data[some] = self.load_global(source[some], size)
        self.in_flight[index] += 1
        self.copies.append((index, offsets, threads, data, self.commits[threads]))

    def finish_copies(self, before):
        """Completes the copies of threads that are here, of groups below `before` (one number per thread)."""
        left = []
        for copy in self.copies:
            threads, group = copy[2], copy[4]
            done = self.mask[threads] & (group < before[threads])
            if done.any():
                index, offsets, writers, data, _ = (part[done] for part in copy)
                self.in_flight[index] -= 1
                self.shared[index], self.written[index] = data, True
                self.unfenced[index] = True
                chunks, writers = self.split(offsets, writers, index.shape[1])
                self.writer[chunks], self.write_epoch[chunks] = writers, self.epoch
            if not done.all():
                left.append(tuple(part[~done] for part in copy))
        self.copies = left

    def commit_copies(self):
        self.commits[self.mask] += 1

    def wait_copies(self, in_flight):
        self.finish_copies(self.commits - in_flight)
