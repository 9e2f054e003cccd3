//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
include "mlir/Pass/PassBase.td"

def OnnxSampleParallelPass : Pass<"mpq-onnx-sample", "::mlir::func::FuncOp"> {
  let summary = "compile for one sample where samples are independent";
  let description = [{
    If dimension 0 of every argument and result runs over independent samples,
    sets it to 1 everywhere, infers all shapes again and puts the unit attribute
    `mpq.sample_parallel` on the function: the run time then loops over samples.
    Otherwise a remark names the op that prevents it. A dynamic dimension that
    remains is an error, since what follows wants static shapes.

    ```mlir
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %0 = onnx.Relu(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
    // =>
    func.func @main(%x: tensor<1x8xf32>) -> tensor<1x8xf32> attributes {mpq.sample_parallel} {
      %0 = onnx.Relu(%x) : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
  }];
  let dependentDialects = ["::mpq::onnx::ONNXDialect"];
}
