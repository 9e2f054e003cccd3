//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_FUSEGPUEPILOGUES_TD
#define MPQ_TRANSFORMS_FUSEGPUEPILOGUES_TD

include "mlir/Pass/PassBase.td"

def FuseGpuEpiloguesPass : Pass<"mpq-fuse-gpu-epilogues", "::mlir::func::FuncOp"> {
  let summary = "Fuse elementwise ops around a matrix product into it, for GPUs";
  let description = [{
    On a GPU every op is a launch, so what a product's kernel can do on its way
    to memory is part of the product: bias, residual, clamp, and the conversion
    from and to f16. Works on `linalg` through the reshapes that stand between a
    product of two dimensions and activations of more.

    ```mlir
    %x32 = linalg.generic ins(%x : tensor<4x64xf16>) { arith.extf }
    %0 = mpq.matmul ins(%x32, %w) outs(%e)
    %1 = linalg.generic ins(%0, %bias : ..., tensor<10xf32>) { max(%a + %b, 0) }
    ```
    becomes
    ```mlir
    %1 = mpq.matmul ins(%x, %w : tensor<4x64xf16>, ...) bias(%bias) outs(%e) {clamp = #mpq.range<0.0, inf>}
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::mlir::arith::ArithDialect", "::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_FUSEGPUEPILOGUES_TD
