# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Models of old opsets become what the newest says. Each model is run with onnxruntime's view of its opset in mind:
# what is checked here is the form; numbers are checked where the compiler can run the result.
#
# RUN: %python %s %t | FileCheck %s
# REQUIRES: onnx
# ===----------------------------------------------------------------------===#
import os
import subprocess
import sys

from onnx import TensorProto, helper, save

F = TensorProto.FLOAT
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def show(name, opset, nodes, shape, initializers=()):
    """Prints the body of the imported function."""
    outputs = [helper.make_tensor_value_info(o, F, None) for o in nodes[-1].output]
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("x", F, shape)], outputs, list(initializers))
    path = os.path.join(folder, name + ".onnx")
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4), path)
    print("==", name, flush=True)
    subprocess.run(["quant-opt", path, "--mpq-onnx-infer-shapes"], check=True)
    sys.stdout.flush()


node = helper.make_node

# CHECK-LABEL: == squeeze
# CHECK: %[[A:.*]] = onnx.Constant {value = dense<1> : tensor<1xi64>}
# CHECK: onnx.Squeeze(%{{.*}}, %[[A]]) : (tensor<2x1x3xf32>, tensor<1xi64>) -> tensor<2x3xf32>
show("squeeze", 12, [node("Squeeze", ["x"], ["y"], axes=[1])], [2, 1, 3])

# CHECK-LABEL: == unsqueeze
# CHECK: onnx.Unsqueeze({{.*}}) : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<1x2x1x3xf32>
show("unsqueeze", 9, [node("Unsqueeze", ["x"], ["y"], axes=[0, 2])], [2, 3])

# CHECK-LABEL: == reduce
# CHECK: onnx.ReduceMean({{.*}}) {keepdims = 0} : (tensor<2x3x4xf32>, tensor<1xi64>) -> tensor<2x4xf32>
show("reduce", 13, [node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)], [2, 3, 4])

# CHECK-LABEL: == slice
# CHECK: onnx.Slice({{.*}}) : (tensor<2x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x3xf32>
show("slice", 9, [node("Slice", ["x"], ["y"], axes=[1], starts=[2], ends=[5])], [2, 8])

# CHECK-LABEL: == pad
# CHECK: onnx.Pad({{.*}}) {mode = "constant"} : (tensor<2x8xf32>, tensor<4xi64>, tensor<f32>) -> tensor<2x11xf32>
show("pad", 10, [node("Pad", ["x"], ["y"], mode="constant", pads=[0, 1, 0, 2], value=1.5)], [2, 8])

# CHECK-LABEL: == clip
# CHECK: %[[MAX:.*]] = onnx.Constant {value = dense<6.000000e+00> : tensor<f32>}
# CHECK: onnx.Clip(%{{.*}}, _, %[[MAX]])
show("clip", 10, [node("Clip", ["x"], ["y"], max=6.0)], [2, 8])

# CHECK-LABEL: == split
# CHECK: onnx.Split({{.*}}) {axis = 1, num_outputs = 2} : (tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>)
show("split", 13, [node("Split", ["x"], ["y", "z"], axis=1)], [2, 8])

# CHECK-LABEL: == split_sizes
# CHECK: onnx.Split({{.*}}) {axis = 1} : (tensor<2x8xf32>, tensor<2xi64>) -> (tensor<2x3xf32>, tensor<2x5xf32>)
show("split_sizes", 11, [node("Split", ["x"], ["y", "z"], axis=1, split=[3, 5])], [2, 8])

# CHECK-LABEL: == softmax
# CHECK: %[[F:.*]] = onnx.Flatten(%{{.*}}) {axis = 1} : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
# CHECK: %[[S:.*]] = onnx.Softmax(%[[F]]) {axis = 1}
# CHECK: onnx.Reshape(%[[S]], %{{.*}}) : (tensor<2x12xf32>, tensor<3xi64>) -> tensor<2x3x4xf32>
show("softmax", 12, [node("Softmax", ["x"], ["y"])], [2, 3, 4])

# CHECK-LABEL: == dropout
# CHECK: onnx.Dropout(%{{.*}}) : (tensor<2x8xf32>) -> tensor<2x8xf32>
show("dropout", 7, [node("Dropout", ["x"], ["y"], ratio=0.5)], [2, 8])

# CHECK-LABEL: == batch_normalization
# CHECK: onnx.BatchNormalization(%{{.*}}) {epsilon = {{.*}}} : (tensor<2x1xf32>
show("batch_normalization", 7, [node("BatchNormalization", ["x", "w", "w", "w", "w"], ["y"], epsilon=1e-3, spatial=1)],
     [2, 1], [helper.make_tensor("w", F, [1], [1.0])])

# Inputs that are initializers are not arguments; node order does not matter.
# CHECK-LABEL: == unsorted
# CHECK: onnx.Relu
# CHECK: onnx.Neg
show("unsorted", 13, [node("Neg", ["z"], ["w"]), node("Relu", ["x"], ["z"]), node("Abs", ["w"], ["y"])], [2, 8])
