//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
include "mlir/Pass/PassBase.td"

def OnnxFusePass : Pass<"mpq-onnx-fuse", "::mlir::func::FuncOp"> {
  let summary = "find the ops of transformers that were exported in pieces";
  let description = [{
    Exporters for older opsets write a normalization, a rotary embedding or an
    attention as a dozen ops. Each becomes the one op that the standard has for
    it since: LayerNormalization, RMSNormalization, RotaryEmbedding, Attention.
    The transposes that bring heads to the front, and the Gather that repeats
    the heads of keys and values, are part of Attention on rows of heads. A mask
    that is a constant triangle is its `is_causal`.

    ```mlir
    %0 = onnx.MatMul(%q, %k) : (tensor<1x4x9x16xf32>, tensor<1x4x16x9xf32>) -> tensor<1x4x9x9xf32>
    %1 = onnx.Mul(%0, %scale) : ...
    %2 = onnx.Softmax(%1) {axis = -1} : ...
    %3 = onnx.MatMul(%2, %v) : ...
    // with the transposes and reshapes of %q, %k, %v and %3 =>
    %4 = onnx.Attention(%x, %y, %z) {kv_num_heads = 4, q_num_heads = 4, scale = 2.500000e-01 : f32}
           : (tensor<1x9x64xf32>, tensor<1x9x64xf32>, tensor<1x9x64xf32>) -> tensor<1x9x64xf32>
    ```
  }];
  let dependentDialects = ["::mpq::onnx::ONNXDialect"];
}
