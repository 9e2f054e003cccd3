//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
include "mlir/Pass/PassBase.td"

def OnnxInferShapesPass : Pass<"mpq-onnx-infer-shapes", "::mlir::func::FuncOp"> {
  let summary = "infer the types of onnx ops and of their function";
  let description = [{
    Makes every type as static as the argument types and the constants allow.
    Arithmetic on shapes is followed (Shape, Gather, Concat, ...), so that a
    Reshape to `[batch, 64]` has type `tensor<?x64xf32>`. An op that no family
    in `dialects/ONNX/Ops` implements, and operands that contradict each other,
    are errors. Results that contradict the shape that the model declares for
    them (`onnx.shape`) are warned about; the inferred shape holds.

    ```mlir
    %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<*xf32>
    // =>
    %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<?x3xf32>
    ```
  }];
  let dependentDialects = ["::mpq::onnx::ONNXDialect"];
}
