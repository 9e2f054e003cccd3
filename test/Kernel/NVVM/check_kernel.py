# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiles quantized products for a GPU, runs them on the emulator or a GPU, compares with the library for the CPU.

    check_kernel.py FOLDER 'K=100 N=72 format=int4:g32:asym rows=1,17 bias relu' ...
    check_kernel.py FOLDER --device=cuda 'K=...' ...
    check_kernel.py FOLDER --device=none 'K=...' ...       only compiles; later, where there is a GPU and no MPQ:
    check_kernel.py FOLDER --device=cuda

The weights that are compared with are those of the library, which multiplies the identity matrix. A row has the same
bits however many rows there are, as long as the same kernel is chosen.
"""
import argparse
import itertools
import os
import shutil
import subprocess
import sys

import numpy as np

import ptx_emulator
from mpq.gpu import CudaDevice, Program

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
        from onnx import TensorProto, helper, numpy_helper, save
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
        save(model, path)


def compile_model(model, case, output, *options):
    command = ["quant-compile", model, f"--formats={case.format}", "--avg-bits=1000", "--metric=weight-mse",
               "-o", output]
    done = subprocess.run(command + list(options), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{case.text}: {done.stderr}")


def prepare(case, folder):
    """Writes the kernel, and what is expected of it for each number of rows."""
    os.makedirs(folder, exist_ok=True)
    model = os.path.join(folder, "case.onnx")
    case.build(model)
    compile_model(model, case, os.path.join(folder, "case.ptx"), "--target=nvvm", "--emit=ptx", f"--mcpu={case.arch}")
    weights, biases = read_weights(model, case, folder)
    inputs = np.random.default_rng(1).standard_normal((max(case.rows), case.depth))
    inputs = inputs.astype(np.float16).astype(np.float32)  # rounding them is not the kernel's error
    expected, bound = reference(case, inputs.astype(np.float64), weights, biases)
    np.savez(os.path.join(folder, "case.npz"), text=case.text, inputs=inputs, expected=expected, bound=bound)


def check(folder, open_device):
    """Runs what `prepare` left; bank conflicts, where the device counts them."""
    with np.load(os.path.join(folder, "case.npz")) as saved:
        case, inputs, expected, bound = Case(str(saved["text"])), saved["inputs"], saved["expected"], saved["bound"]
    conflicts, results = 0, {}
    for rows in case.rows:
        device = open_device()
        samples = rows // max(1, case.sequence)
        x = inputs[:rows]
        shape = [samples, case.sequence, case.depth] if case.sequence else [rows, case.depth]
        program = Program(os.path.join(folder, "case.json"), device)
        result = program.run({"x": x.reshape(shape)})["y"].reshape(rows, -1).astype(np.float64)
        error = np.abs(result - expected[:rows]) / bound[:rows]
        if not (error <= 1).all():
            at = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
            sys.exit(f"{case.text}: {rows} rows: element {at} is {result[at]} when it should be {expected[at]} "
                     f"+- {bound[at]}; {(~(error <= 1)).mean():.1%} of all are off")
        other = results.setdefault(tuple(k["name"] for k in program.choose_kernels(samples)), result)
        common = min(rows, len(other))
        if not np.array_equal(other[:common], result[:common]):
            sys.exit(f"{case.text}: rows differ between {len(other)} and {rows} of them")
        line = f"ok {case.text}: {rows} rows, error {error.max():.2f} of the bound"
        if isinstance(device, ptx_emulator.Device):
            conflicts += sum(device.bank_conflicts.values())
            line += f", bank conflicts {device.bank_conflicts}, {device.instructions_run} instructions"
        print(line, flush=True)
    return conflicts


def read_weights(model, case, folder):
    """The decoded weight matrices [K][N] and biases of the model, from libraries of single products."""
    from onnx import TensorProto, helper, load, numpy_helper, save

    import mpq
    weights, biases = [], []
    graph = load(model).graph
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
        save(helper.make_model(single, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
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


DEVICES = {"emulator": ptx_emulator.Device, "cuda": CudaDevice, "none": None}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--device", choices=DEVICES, default="emulator")
    arguments = parser.parse_intermixed_args()
    if arguments.cases:
        shutil.rmtree(arguments.folder, ignore_errors=True)
    for number, text in enumerate(arguments.cases):
        prepare(Case(text), os.path.join(arguments.folder, f"{number:03}"))
    if arguments.device == "none":
        return
    folders = sorted(entry.path for entry in os.scandir(arguments.folder) if entry.is_dir())
    assert folders, f"nothing is in {arguments.folder}"
    conflicts = sum(check(folder, DEVICES[arguments.device]) for folder in folders)
    counted = f"; bank conflicts: {conflicts}" if arguments.device == "emulator" else ""
    print(f"{len(folders)} products agree{counted}")


if __name__ == "__main__":
    main()
