# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# What a pass says about a node has its name, once, also when the model has gone through a file.
#
# RUN: mkdir -p %t && %python %s %t/model.onnx
# RUN: not quant-compile %t/model.onnx -o %t/model.so 2>&1 | FileCheck %s --check-prefix=TOOL
# RUN: not quant-opt %t/model.onnx --mpq-onnx-infer-shapes 2>&1 | FileCheck %s
# RUN: quant-opt %t/model.onnx --mlir-print-debuginfo -o %t/model.mlir
# RUN: not quant-opt %t/model.mlir --mpq-onnx-infer-shapes 2>&1 | FileCheck %s
#
# TOOL: model.onnx:0:0: error: 'onnx.MatMul' op {{.*}} 15 {{.*}} 16 (at 'second'){{$}}
# CHECK: model.onnx:0:0: error: 'onnx.MatMul' op {{.*}} 15 {{.*}} 16 (at 'second'){{$}}
# CHECK-NOT: {{.}}
#
# With -v it is said of each decision and of each refusal.
# RUN: quant-compile %mpq_src/examples/digits/digits.onnx -v -o %t/digits.so 2>&1 | FileCheck %s --check-prefix=REMARK
# REMARK: remark: [Passed] KernelFamily {{.*}} (at '/block1/conv1/Conv')
#
# REQUIRES: onnx
# ===----------------------------------------------------------------------===#
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

weights = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("u", (8, 15)), ("w", (16, 8)))]
nodes = [helper.make_node("MatMul", ["x", "u"], ["h"], name="first"),
         helper.make_node("MatMul", ["h", "w"], ["y"], name="second")]
graph = helper.make_graph(nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8])], weights)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
