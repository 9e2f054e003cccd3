//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_FUSEEPILOGUES_TD
#define MPQ_TRANSFORMS_FUSEEPILOGUES_TD

include "mlir/Pass/PassBase.td"

def FuseEpiloguesPass : Pass<"mpq-fuse-epilogues", "::mlir::func::FuncOp"> {
  let summary = "Fuse residual, activation and requantization into the producer";
  let description = [{
    A convolution or matrix product whose only reader adds biases or a residual,
    clamps, or quantizes does that itself; readers of dequantized codes read the codes.

    ```mlir
    %0 = mpq.conv ins(%x, %w) outs(%e)
    %1 = mpq.map ins(%0, %r) outs(%f) { yield max(%a + %b, 0) }
    %2 = mpq.convert ins(%1) outs(%g) {output_quant = #mpq.uniform<...>}
    ```
    becomes
    ```mlir
    %2 = mpq.conv ins(%x, %w) residual(%r) outs(%g) {clamp = #mpq.range<0.0, inf>, output_quant = #mpq.uniform<...>}
    ```
  }];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_FUSEEPILOGUES_TD
