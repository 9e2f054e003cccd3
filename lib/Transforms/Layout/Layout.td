//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_LAYOUT_TD
#define MPQ_TRANSFORMS_LAYOUT_TD

include "mlir/Pass/PassBase.td"

def LayoutPass : Pass<"mpq-layout", "::mlir::func::FuncOp"> {
  let summary = "Choose kernel families and propagate activation layouts";
  let description = [{
    Asks the kernel families, most specialised first, who takes each compute op
    and how it wants its activations; then gives every activation the layout
    that its producer writes and its consumers read, with the border of the
    widest reader. `mpq.convert` ops appear only where a reader cannot do with
    what the producer writes, normally at the model's edges; they are counted
    in a remark.

    ```mlir
    %1 = mpq.conv ins(%0, %w) outs(%e0 : tensor<1x16x32x32xf32>) {...}
    %2 = mpq.conv ins(%1, %v) outs(%e1 : tensor<1x16x32x32xf32>) {...}
    ```
    becomes
    ```mlir
    %1 = mpq.conv ins(%0, %w) outs(%e0 : tensor<1x1x34x34x16xf32, #mpq.blocked<...border = [1, 1, 1, 1]>>) {family = "conv_f32", ...}
    %2 = mpq.conv ins(%1, %v) outs(%e1 : tensor<1x1x32x32x16xf32, #mpq.blocked<...>>) {family = "conv_f32", ...}
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_LAYOUT_TD
