//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_QUANTIZE_TD
#define MPQ_TRANSFORMS_QUANTIZE_TD

include "mlir/Pass/PassBase.td"

def QuantizePass : Pass<"mpq-quantize", "::mlir::ModuleOp"> {
  let summary = "Store the weights in the formats that were chosen";
  let description = [{
    Encodes the weight of every site that has a choice. Conv, Gemm and MatMul
    become the ops of MPQ that take stored weights; other ops read the decoded
    values.

    ```mlir
    %s = mpq.site %w "conv1.weight" axis 0 choice 1 candidates [...] : tensor<16x3x3x3xf32>
    %y = onnx.Conv(%x, %s) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (...) -> tensor<1x16x32x32xf32>
    ```
    becomes
    ```mlir
    %s = mpq.constant dense_resource<conv1.weight> : tensor<280xi8> as !mpq.tensor<16x3x3x3, axis 0, #mpq.int<4>>
    %y = mpq.conv ins(%x, %s : ...) outs(%e : ...) {...} -> tensor<1x16x32x32xf32>
    ```

    With `activations=int8`, what these ops read goes through `quant.qcast` and
    `quant.dcast` in the range that calibration found, and all other users of
    the value (a residual addition, a pooling) read the same. Without a
    calibrated range, a matrix product computes the range per row and a
    convolution per sample, while the model runs. Codes have the bits that the
    module's attribute `mpq.activation_bits` says, 8 without it. What the chosen
    candidate of a site says counts more than the option, and what a plan says
    (`mpq.activations`) more than that.
  }];
  let options = [
    Option<"activations", "activations", "::mpq::Activations", "::mpq::Activations::F32",
      "what the activations are stored as", [{ ::mpq::getActivationsValues() }]>
  ];
  let dependentDialects = ["::mpq::MPQDialect", "::mlir::quant::QuantDialect", "::mlir::tensor::TensorDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect"];
}

#endif // MPQ_TRANSFORMS_QUANTIZE_TD
