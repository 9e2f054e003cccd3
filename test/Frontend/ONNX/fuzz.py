# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Models that are not as they should be must not crash the importer, nor make it use much memory: mutations of a good
# model (truncated, bits flipped, bytes replaced, hostile lengths, hostile numbers in the message) are either imported
# or rejected with a diagnostic. The mutations are the same every time. Both quant-opt and the importer with sanitizers
# in it (mpq-read-sanitized, where it is built) read them.
#
# RUN: %python %s %t
# REQUIRES: onnx
# ===----------------------------------------------------------------------===#
import os
import random
import resource
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 260
os.makedirs(folder, exist_ok=True)
F = TensorProto.FLOAT


def seed_model():
    """A bit of everything: raw and typed weights, a Constant node, an old opset, attributes of all kinds."""
    value = numpy_helper.from_array(np.array([1, -1], np.int64), "shape")
    typed = helper.make_tensor("b", F, [4], [1.0, 2.0, 3.0, 4.0])
    weights = numpy_helper.from_array(np.ones([4, 3, 3, 3], np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
             helper.make_node("Clip", ["c"], ["r"], name="clip", min=0.0, max=6.0),
             helper.make_node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="VALID"),
             helper.make_node("Constant", [], ["s"], name="constant", value=value),
             helper.make_node("Reshape", ["p", "s"], ["f"], name="reshape"),
             helper.make_node("Softmax", ["f"], ["y"], name="softmax", axis=1)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", F, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", F, [1, 64])], [weights, typed])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4)


def hostile_message(model, rng):
    """One number of the message becomes a hostile one."""
    numbers = [0, -1, 1, 2**31 - 1, 2**31, 2**62, -2**63, 2**63 - 1]
    tensor = rng.choice(list(model.graph.initializer) + [model.graph.node[3].attribute[0].t])
    what = rng.randrange(6)
    if what == 0:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(numbers)
    elif what == 1:
        tensor.data_type = rng.choice([0, 2, 6, 8, 9, 10, 11, 14, 16, 22, 26, 1000])
    elif what == 2:
        tensor.raw_data = rng.randbytes(rng.choice([0, 1, 16, 1000]))
    elif what == 3:
        node = rng.choice(model.graph.node)
        node.op_type = rng.choice(["Add", "Concat", "Slice", "BatchNormalization", "Loop", "LSTM", "Constant", "", "Split"])
    elif what == 4:
        node = rng.choice([n for n in model.graph.node if n.attribute])
        attribute = rng.choice(node.attribute)
        attribute.i = rng.choice(numbers)
        del attribute.ints[:]
        attribute.ints.extend(rng.choice(numbers) for _ in range(rng.randrange(5)))
    else:
        node = rng.choice(model.graph.node)
        names = ["x", "w", "b", "c", "r", "p", "s", "f", "y", ""]
        list_of = rng.choice([node.input, node.output])
        list_of.append(rng.choice(names))
    return model.SerializeToString()


def hostile_bytes(data, rng):
    data = bytearray(data)
    what = rng.randrange(5)
    if what == 0:
        return bytes(data[:rng.randrange(len(data))])
    at = rng.randrange(len(data))
    # Most of the file is weights; its head is where the structure is.
    if rng.random() < 0.7:
        at = rng.randrange(min(len(data), 300)) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(min(len(data), 400))
    if what == 1:
        for _ in range(rng.randrange(1, 8)):
            data[(at + rng.randrange(16)) % len(data)] ^= 1 << rng.randrange(8)
    elif what == 2:
        data[at:at + 1] = rng.choice([b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\x0b" * 200])
    elif what == 3:
        data[at:at] = rng.randbytes(rng.randrange(1, 32))
    else:
        del data[at:at + rng.randrange(1, 32)]
    return bytes(data)


def limit():
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))


def run(command, limited):
    """Exit status and messages."""
    environment = dict(os.environ)
    environment.setdefault("ASAN_OPTIONS", "max_allocation_size_mb=2048")
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment,
                          preexec_fn=limit if limited and not sanitized else None)
    return done.returncode, done.stderr.decode(errors="replace")


def is_fine(status, errors):
    """A sanitizer that finds something ends with status 1, too."""
    found = "runtime error: " in errors or "Sanitizer: " in errors
    return status == 0 or (status == 1 and "error: " in errors and not found)


rng = random.Random(2024)
seed = seed_model().SerializeToString()
path = os.path.join(folder, "fuzzed.onnx")
rejected, bad = 0, 0
# With shape inference and folding, which see what got through.
commands = [(["quant-opt", path, "--mpq-onnx-infer-shapes", "--mpq-onnx-fold", "-o", os.devnull], True)]
if shutil.which("mpq-read-sanitized"):
    commands.append((["mpq-read-sanitized", path], False))
# A sanitizer maps terabytes of shadow.
sanitized = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ
for number in range(count):
    data = seed if number == 0 else hostile_message(seed_model(), rng) if number % 3 == 0 else hostile_bytes(seed, rng)
    with open(path, "wb") as file:
        file.write(data)
    statuses = [run(command, limited) for command, limited in commands]
    fine = all(is_fine(*status) for status in statuses)
    if number == 0:
        fine = all(status == 0 for status, _ in statuses)
    rejected += statuses[0][0] == 1
    if not fine:
        bad += 1
        kept = os.path.join(folder, "bad%d.onnx" % number)
        with open(kept, "wb") as file:
            file.write(data)
        print("mutation %d, kept as %s" % (number, kept), *("status %d: %s" % (status, errors[-1500:]) for status, errors in statuses),
              sep="\n")
print("%d mutations, %d rejected, %d bad" % (count, rejected, bad))
sys.exit(1 if bad or not rejected else 0)
