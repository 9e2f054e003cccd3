//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_NARROWACTIVATIONS_TD
#define MPQ_TRANSFORMS_NARROWACTIVATIONS_TD

include "mlir/Pass/PassBase.td"

def NarrowActivationsPass : Pass<"mpq-narrow-activations", "::mlir::func::FuncOp"> {
  let summary = "Store float activations between compute ops as bf16";
  let description = [{
    Where the module has `mpq.float_activations = bf16`, a float that one compute
    op writes and only compute ops read is stored as bf16, and an `mpq.convert`
    rounds what products and convolutions read from elsewhere (except images of
    up to 4 channels). What others read, arguments and results of the function
    stay f32. Elsewhere the pass does nothing.

    ```mlir
    %1 = mpq.conv ins(%0, %w) outs(%e) -> tensor<1x16x32x32xf32>
    %2 = mpq.pool max ins(%1) outs(%f) {...} -> tensor<1x16x16x16xf32>
    return %2 : tensor<1x16x16x16xf32>
    ```
    becomes
    ```mlir
    %1 = mpq.conv ins(%0, %w) outs(%e) -> tensor<1x16x32x32xbf16>
    %2 = mpq.pool max ins(%1) outs(%f) {...} -> tensor<1x16x16x16xf32>
    return %2 : tensor<1x16x16x16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_NARROWACTIVATIONS_TD
