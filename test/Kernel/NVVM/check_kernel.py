# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles quantized products for a GPU, runs the PTX on the emulator, compares with the library for the CPU.

    check_kernel.py FOLDER 'K=100 N=72 format=int4:g32:asym rows=1,17 bias relu' ...

The weights that are compared with are those of the library, which multiplies the identity matrix. A row has the same
bits however many rows there are.
"""
import itertools
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import mpq
from gpu_program import GpuProgram


NUMBERS = itertools.count()


class Case:
    def __init__(self, text):
        self.text = text
        words = dict(w.partition("=")[::2] for w in text.split())
        self.depth, self.columns = int(words.pop("K")), int(words.pop("N"))
        self.format = words.pop("format")
        self.rows = [int(r) for r in words.pop("rows").split(",")]
        self.fixed = int(words.pop("fixed", 0))  # a fixed number of rows that are no samples
        self.sequence = int(words.pop("sequence", 0))
        self.arch = words.pop("arch", "sm_80")
        self.bias, self.relu, self.half, self.residual, self.chain = (
            words.pop(w, None) is not None for w in ("bias", "relu", "half", "residual", "chain"))
        assert not words, words

    def build(self, path):
        """x -> [Cast] -> MatMul -> [Add bias] -> [Add x] -> [Relu] -> [MatMul] -> [Cast]."""
        random = np.random.default_rng(self.depth * 1000 + self.columns)
        nodes, constants = [], []
        value = "x"

        def constant(array):
            constants.append(numpy_helper.from_array(array.astype(np.float32), f"c{len(constants)}"))
            return constants[-1].name

        def node(op, *inputs, **attributes):
            nodes.append(helper.make_node(op, list(inputs), [f"v{len(nodes)}"], name=f"{op}{len(nodes)}", **attributes))
            return nodes[-1].output[0]

        def product(value, depth, columns):
            spread = random.uniform(0.1, 3, (1, columns))  # columns of different scales
            return node("MatMul", value, constant(random.standard_normal((depth, columns)) * spread))
        if self.half:
            value = node("Cast", value, to=TensorProto.FLOAT)
        start = value
        value = product(value, self.depth, self.columns)
        if self.bias:
            value = node("Add", value, constant(random.standard_normal(self.columns) * 10))
        if self.residual:
            value = node("Add", value, start)
        if self.relu:
            value = node("Relu", value)
        if self.chain:
            value = product(value, self.columns, 40)
        if self.half:
            value = node("Cast", value, to=TensorProto.FLOAT16)
        nodes[-1].output[0] = "y"
        kind = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        rows = [self.fixed] if self.fixed else ["batch", self.sequence] if self.sequence else ["batch"]
        inputs = [helper.make_tensor_value_info("x", kind, rows + [self.depth])]
        outputs = [helper.make_tensor_value_info("y", kind, rows + [40 if self.chain else self.columns])]
        graph = helper.make_graph(nodes, "case", inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, path)


def compile_model(model, case, output, *options):
    command = ["quant-compile", model, f"--formats={case.format}", "--avg-bits=1000", "--metric=weight-mse",
               "-o", output]
    done = subprocess.run(command + list(options), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{case.text}: {done.stderr}")


def check(case, folder):
    model = os.path.join(folder, "case.onnx")
    case.build(model)
    ptx = os.path.join(folder, "case.ptx")
    compile_model(model, case, ptx, "--target=nvvm", "--emit=ptx", f"--mcpu={case.arch}")
    weights, biases = read_weights(model, case, folder)
    program = GpuProgram(ptx)
    conflicts, results = 0, np.zeros((0, 0))
    inputs = np.random.default_rng(1).standard_normal((max(case.rows), case.depth))
    inputs = inputs.astype(np.float16).astype(np.float32)  # rounding them is not the kernel's error
    for rows in case.rows:
        samples = rows // max(1, case.sequence)
        x = inputs[:rows]
        shape = [samples, case.sequence, case.depth] if case.sequence else [rows, case.depth]
        result = program.run({"x": x.reshape(shape)})["y"].reshape(rows, -1).astype(np.float64)
        expected, bound = reference(case, x.astype(np.float64), weights, biases)
        error = np.abs(result - expected) / bound
        if not (error <= 1).all():
            at = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
            sys.exit(f"{case.text}: {rows} rows: element {at} is {result[at]} when it should be {expected[at]} "
                     f"+- {bound[at]}; {(~(error <= 1)).mean():.1%} of all are off")
        common = min(rows, len(results))
        if common and not np.array_equal(results[:common], result[:common]):
            sys.exit(f"{case.text}: rows differ between {len(results)} and {rows} of them")
        results = result
        conflicts += sum(program.device.bank_conflicts.values())
        print(f"ok {case.text}: {rows} rows, error {error.max():.2f} of the bound, bank conflicts "
              f"{program.device.bank_conflicts}, {program.device.instructions_run} instructions")
    return conflicts


def read_weights(model, case, folder):
    """The decoded weight matrices [K][N] and biases of the model, from libraries of single products."""
    weights, biases = [], []
    graph = onnx.load(model).graph
    constants = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    for node in graph.node:
        values = [constants[i] for i in node.input if i in constants]
        if node.op_type == "Add" and values:
            biases.append(values[0].astype(np.float64))
        if node.op_type != "MatMul":
            continue
        depth, columns = values[0].shape
        single = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], "single",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", depth])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", columns])],
            [numpy_helper.from_array(values[0], "w")])
        path = os.path.join(folder, "single.onnx")
        onnx.save(helper.make_model(single, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        library = os.path.join(folder, f"single{next(NUMBERS)}.so")  # a path is loaded once
        compile_model(path, case, library)
        identity = np.eye(depth, dtype=np.float32)
        weights.append(mpq.Model(library).run({"x": identity})["y"].astype(np.float64))
    return weights, biases


def reference(case, x, weights, biases):
    """The result, and how far from it is allowed: f32 sums, and where scales have groups weights in f16."""
    eps = 2.0**-10 if weights[0].shape[0] > group_of(case) else 2.0**-19
    y, bound = x @ weights[0], eps * (np.abs(x) @ np.abs(weights[0])) + 1e-6
    if biases:
        y = y + biases[0]
    if case.residual:
        y = y + x
    if case.relu:
        y = np.maximum(y, 0)
    if case.chain:
        # The second product reads what the first wrote, rounded to f16.
        bound = (bound + np.abs(y) * 2.0**-11) @ np.abs(weights[1])
        bound = bound + eps * (np.abs(y) @ np.abs(weights[1]))
        y = y @ weights[1]
    return y, bound + np.abs(y) * (2.0**-10 if case.half else 2.0**-20)


def group_of(case):
    groups = [int(p[1:]) for p in case.format.split(":") if p[:1] == "g"]
    return groups[0] if groups else 1 << 30


def main(folder, texts):
    os.makedirs(folder, exist_ok=True)
    conflicts = sum(check(Case(text), folder) for text in texts)
    print(f"{len(texts)} products agree; bank conflicts: {conflicts}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
