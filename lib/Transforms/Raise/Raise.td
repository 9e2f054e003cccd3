//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_RAISE_TD
#define MPQ_TRANSFORMS_RAISE_TD

include "mlir/Pass/PassBase.td"

def RaisePass : Pass<"mpq-raise", "::mlir::func::FuncOp"> {
  let summary = "Turn image-shaped elementwise and slicing ops into mpq ops";
  let description = [{
    What would otherwise force an activation back to the plain layout:
    elementwise `linalg.generic` on N x C x H x W becomes `mpq.map`, and so does
    that of any other rank, on rows: all dimensions but the last are one;
    `tensor.extract_slice` and zero `tensor.pad` become `mpq.slice_pad`
    (one op for a pad of a slice).

    ```mlir
    %0 = tensor.extract_slice %x[0, 0, 0, 0] [1, 16, 16, 16] [1, 1, 2, 2]
    %1 = tensor.pad %0 low[0, 8, 0, 0] high[0, 8, 0, 0] { yield %zero }
    ```
    becomes
    ```mlir
    %1 = mpq.slice_pad ins(%x) outs(%e) {offsets = [0, 0, 0, 0], sizes = [1, 16, 16, 16], strides = [1, 1, 2, 2], low = [0, 8, 0, 0]}
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_RAISE_TD
