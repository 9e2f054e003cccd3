# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Every diagnostic of the importer, once: a model that causes it, and its text. Each run must end with status 1, one
# error that names the file, and nothing else.
#
# RUN: %python %s %t
# REQUIRES: onnx
# ===----------------------------------------------------------------------===#
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

F, I = TensorProto.FLOAT, TensorProto.INT64
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def model(nodes, initializers=(), inputs=None, outputs=None, opset=17, **fields):
    """A model with input x and output y, both float[1, 4] unless said otherwise."""
    inputs = inputs or [helper.make_tensor_value_info("x", F, [1, 4])]
    outputs = outputs or [helper.make_tensor_value_info("y", F, [1, 4])]
    graph = helper.make_graph(list(nodes), "g", inputs, outputs, list(initializers))
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    for name, value in fields.items():
        getattr(result, name).extend(value)
    return result


def relu(**attributes):
    return helper.make_node("Relu", ["x"], ["y"], name="n", **attributes)


def weight(name="w", dims=(1, 4), data=b"\0" * 16, data_type=F, **external):
    tensor = TensorProto(name=name, dims=dims, data_type=data_type)
    if external:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            tensor.external_data.add(key=key, value=str(value))
    elif data is not None:
        tensor.raw_data = data
    return tensor


def add(tensor):
    return model([helper.make_node("Add", ["x", "w"], ["y"], name="n")], [tensor])


def changed(m, change):
    change(m)
    return m


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, name="n", **attributes)


with open(os.path.join(folder, "weights.bin"), "wb") as file:
    file.write(b"\0" * 16)
outside = os.path.join(folder, "..", os.path.basename(folder) + ".outside")
with open(outside, "wb") as file:
    file.write(b"\0" * 16)
for name, target in (("link.bin", outside), ("loop.bin", "loop.bin")):
    path = os.path.join(folder, name)
    if os.path.lexists(path):
        os.remove(path)
    os.symlink(target, path)

subgraph = helper.make_graph([node("Relu", ["x"], ["z"])], "s", [], [helper.make_tensor_value_info("z", F, [1, 4])])
sparse = helper.make_sparse_tensor(helper.make_tensor("s", F, [1], [1.0]), helper.make_tensor("i", I, [1], [0]), [4])

CASES = {
    # Ops, operands, attributes
    "unknown op": (model([node("Frobnicate", ["x"], ["y"])]), "node 'n' (Frobnicate): unknown op 'Frobnicate'"),
    "unknown domain": (model([node("Relu", ["x"], ["y"], domain="com.microsoft")]), "unknown domain 'com.microsoft'"),
    "too many inputs": (model([node("Relu", ["x", "x"], ["y"])]), "has 2 inputs when 'Relu' has at most 1"),
    "too few inputs": (model([node("Add", ["x"], ["y"])]), "has 1 inputs when 'Add' has at least 2"),
    "missing input": (model([node("Add", ["x", ""], ["y"])]), "the required parameter 'B' is missing"),
    "too many outputs": (model([node("Relu", ["x"], ["y", "z"])]), "has 2 outputs when 'Relu' has at most 1"),
    "wrong type": (model([node("Sigmoid", ["i"], ["y"])], inputs=[helper.make_tensor_value_info("i", I, [4])],
                         outputs=[helper.make_tensor_value_info("y", I, [4])]), "operand 'X' has type 'tensor<4xi64>'"),
    "unknown attribute": (model([relu(slope=1)]), "'Relu' has no attribute 'slope'"),
    "attribute type": (model([node("Softmax", ["x"], ["y"], axis=1.5)]), "attribute 'axis' has type FLOAT when it should be INT"),
    "missing attribute": (model([node("Cast", ["x"], ["y"])]), "the required attribute 'to' is missing"),
    "duplicate attribute": (changed(model([node("Softmax", ["x"], ["y"], axis=1)]),
                                    lambda m: m.graph.node[0].attribute.append(helper.make_attribute("axis", 1))),
                            "attribute 'axis' is there twice"),
    "function attribute": (changed(model([node("Softmax", ["x"], ["y"], axis=1)]),
                                   lambda m: setattr(m.graph.node[0].attribute[0], "ref_attr_name", "a")),
                           "attribute 'axis' refers to an attribute of a function"),
    "subgraph": (model([node("If", ["c"], ["y"], then_branch=subgraph, else_branch=subgraph)],
                       inputs=[helper.make_tensor_value_info("c", TensorProto.BOOL, [])]), "control flow is not supported"),
    "constant without value": (model([node("Constant", [], ["y"])]), "has 0 values when a Constant has one"),
    "sparse constant": (model([node("Constant", [], ["y"], sparse_value=sparse)]), "sparse tensors are not supported"),
    "string constant": (model([node("Constant", [], ["y"], value_string="a")]), "the form 'value_string' of Constant is not supported"),
    # Names
    "undefined input": (model([node("Relu", ["z"], ["y"])]), "input 'z' is not the name of any value"),
    "undefined output": (model([node("Relu", ["x"], ["z"])]), "output 'y' is not the name of any value"),
    "cycle": (model([node("Relu", ["y"], ["z"]), node("Relu", ["z"], ["y"])]), "depends on a cycle of nodes"),
    "duplicate value": (model([relu(), relu()]), "output 'y' has the name of another value"),
    "duplicate input": (model([relu()], inputs=[helper.make_tensor_value_info("x", F, [1, 4])] * 2), "two inputs are called 'x'"),
    "duplicate initializer": (changed(add(weight()), lambda m: m.graph.initializer.append(weight())), "two initializers are called 'w'"),
    "nameless initializer": (model([relu()], [weight("")]), "an initializer has no name"),
    # The interface
    "no outputs": (changed(model([relu()]), lambda m: m.graph.ClearField("output")), "the graph has no outputs"),
    "negative dimension": (model([relu()], inputs=[helper.make_tensor_value_info("x", F, [-1, 4])]), "has the negative dimension -1"),
    "overflowing dimensions": (model([relu()], inputs=[helper.make_tensor_value_info("x", F, [2**40, 2**40])]), "dimensions whose product overflows"),
    "sequence": (model([relu()], inputs=[helper.make_tensor_sequence_value_info("x", F, [4])]), "input 'x' is not a tensor"),
    "input type": (model([relu()], inputs=[helper.make_tensor_value_info("x", 77, [4])]), "number 77 of TensorProto.DataType"),
    "output type": (model([relu()], outputs=[helper.make_tensor_value_info("y", I, [1, 4])]), "is declared with element type 'i64' but computed as 'f32'"),
    # The model
    "opset too old": (model([relu()], opset=6), "opset 6 is older than 7"),
    "opset too new": (model([relu()], opset=10**6), "opset 1000000 is newer than"),
    "no opset": (changed(model([relu()]), lambda m: m.ClearField("opset_import")), "imports no opset of the ONNX standard"),
    "two opsets": (model([relu()], opset_import=[helper.make_opsetid("ai.onnx", 13)]), "imports the opsets 17 and 13"),
    "no graph": (changed(model([relu()]), lambda m: m.ClearField("graph")), "the model has no graph"),
    "sparse initializer": (changed(model([relu()]), lambda m: m.graph.sparse_initializer.append(sparse)), "sparse initializer 's' is not supported"),
    "spatial": (model([node("BatchNormalization", ["x", "w", "w", "w", "w"], ["y"], spatial=0)], [weight(dims=[4])], opset=7), "spatial = 0"),
    "training": (model([node("BatchNormalization", ["x", "w", "w", "w", "w"], ["y", "m", "v"])], [weight(dims=[4])], opset=9), "is training"),
    # Tensors
    "raw size": (add(weight(data=b"\0" * 12)), "raw_data has 12 bytes when its type, tensor<1x4xf32>, has 16"),
    "typed size": (changed(add(weight(data=None)), lambda m: m.graph.initializer[0].float_data.extend([1.0])), "float_data has 1 elements when its dimensions say 4"),
    "no data": (add(weight(dims=[2**40], data=None)), "float_data has 0 elements"),
    "negative tensor": (add(weight(dims=[-1, 4])), "dimension -1 is negative"),
    "overflowing tensor": (add(weight(dims=[2**32, 2**32])), "the product of its dimensions overflows"),
    "tensor type": (add(weight(data_type=99)), "number 99 of TensorProto.DataType, is not supported"),
    # External data
    "missing file": (add(weight(location="missing.bin")), "external data 'missing.bin' cannot be read"),
    "no location": (add(weight(offset=0)), "external data without a location"),
    "absolute": (add(weight(location=os.path.abspath(outside))), "leaves the model's folder (an absolute path)"),
    "parent": (add(weight(location="../" + os.path.basename(outside))), "leaves the model's folder (..)"),
    "link out": (add(weight(location="link.bin")), "leaves the model's folder (a symbolic link)"),
    "link loop": (add(weight(location="loop.bin")), "external data 'loop.bin' cannot be read"),
    "folder": (add(weight(location=".")), "external data '.'"),
    "range": (add(weight(location="weights.bin", offset=8)), "outside of 'weights.bin', which has 16 bytes"),
    "hostile range": (add(weight(location="weights.bin", offset=2**64 - 8)), "outside of 'weights.bin'"),
    "length": (add(weight(location="weights.bin", length=8)), "external data of 8 bytes when its dimensions say 16"),
    "bad offset": (add(weight(location="weights.bin", offset=-1)), "external data with offset '-1'"),
}

FILES = {
    "empty": (b"", "the file is empty"),
    "text": (b"this is not a model, it is a line of text\n", "not a valid ONNX protobuf"),
    "truncated": (model([relu()]).SerializeToString()[:-20], "not a valid ONNX protobuf"),
    "huge length": (b"\x3a\xff\xff\xff\xff\x0f" + b"\0" * 64, "not a valid ONNX protobuf"),
    "deep recursion": (b"\x3a" * 200000, "not a valid ONNX protobuf"),
}


def run(path):
    return subprocess.run(["quant-opt", path, "-o", os.devnull], capture_output=True, text=True, timeout=60, check=False)


def check(name, path, expected):
    result = run(path)
    errors = [line for line in result.stderr.splitlines() if " error: " in line]
    ok = result.returncode == 1 and len(errors) == 1 and expected in errors[0] and os.path.basename(path) in errors[0]
    if not ok:
        print("%s: status %d, expected '%s', got:\n%s" % (name, result.returncode, expected, result.stderr))
    return ok


good = True
for index, (name, (content, expected)) in enumerate(list(CASES.items()) + list(FILES.items())):
    path = os.path.join(folder, "case%d.onnx" % index)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.SerializeToString())
    good &= check(name, path, expected)

os.makedirs(os.path.join(folder, "folder.onnx"), exist_ok=True)
good &= check("folder", os.path.join(folder, "folder.onnx"), "not a regular file")
good &= check("missing", os.path.join(folder, "missing.onnx"), "No such file")

# What is harmless is a remark.
path = os.path.join(folder, "training.onnx")
onnx.save(changed(model([relu()]), lambda m: m.training_info.add()), path)
result = run(path)
good &= result.returncode == 0 and "remark: training information is ignored" in result.stderr
print("ok" if good else "failed")
sys.exit(0 if good else 1)
