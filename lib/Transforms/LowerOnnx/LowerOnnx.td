//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_LOWERONNX_TD
#define MPQ_TRANSFORMS_LOWERONNX_TD

include "mlir/Pass/PassBase.td"

def LowerOnnxPass : Pass<"mpq-lower-onnx", "::mlir::func::FuncOp"> {
  let summary = "Lower onnx ops to linalg, tensor and mpq compute ops";
  let description = [{
    Each op lowers itself through its `LoweringOpInterface`. Sites disappear:
    what was not quantized stays in f32. Quantized activations
    (`quant.qcast`, `quant.dcast`) become `mpq.convert`.

    ```mlir
    %0 = onnx.Conv(%x, %w) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (...) -> tensor<1x16x32x32xf32>
    ```
    becomes
    ```mlir
    %0 = mpq.conv ins(%x, %w : ...) outs(%empty : ...) {...} -> tensor<1x16x32x32xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect", "::mlir::scf::SCFDialect", "::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_LOWERONNX_TD
