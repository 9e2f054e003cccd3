//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
include "mlir/Pass/PassBase.td"

def OnnxFoldPass : Pass<"mpq-onnx-fold", "::mlir::func::FuncOp"> {
  let summary = "fold constants, and BatchNormalization into weights";
  let description = [{
    Evaluates what is known before the model runs: arithmetic on shapes, views
    and permutations of weights; takes out ops that do nothing in inference;
    folds BatchNormalization into the Conv or Gemm before it (in f64, rounded
    once to f32), or makes it a Mul and an Add; makes a per-channel Add behind a
    Conv its bias. What is not used goes away.

    ```mlir
    %0 = onnx.Conv(%x, %w) : ...
    %1 = onnx.BatchNormalization(%0, %scale, %b, %mean, %var) : ...
    // =>  %wf = %w * scale / sqrt(var + epsilon), %bf = b - mean * the same
    %1 = onnx.Conv(%x, %wf, %bf) : ...
    ```
  }];
  let dependentDialects = ["::mpq::onnx::ONNXDialect"];
}
