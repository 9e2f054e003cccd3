//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_QUANTIZEPRODUCTS_TD
#define MPQ_TRANSFORMS_QUANTIZEPRODUCTS_TD

include "mlir/Pass/PassBase.td"

def QuantizeProductsPass : Pass<"mpq-quantize-products", "::mlir::func::FuncOp"> {
  let summary = "Compute products of two activations in integers";
  let description = [{
    Where the module has `mpq.activation_products = "int8"`
    (`mpq/Kernel/QuantizedProduct.h`), attention and contractions of two
    activations become products of integers: kernels quantize both operands row
    by row while the model runs. What no family of kernels computes in integers,
    and attention to so few keys that quantizing them takes longer than it saves,
    stays as it is.
    Elsewhere the pass does nothing.

    ```mlir
    %y = mpq.attention ins(%q, %k, %v : ...) outs(%e : ...) {heads = 8 : i64, ...} -> tensor<1x?x512xf32>
    ```
    becomes
    ```mlir
    %y = mpq.attention ins(%q, %k, %v : ...) outs(%e : ...) {heads = 8 : i64, ..., operand_quant = #mpq.uniform<dynamic>} -> tensor<1x?x512xf32>
    ```
  }];
  let options = [
    Option<"leastKeys", "least-keys", "int64_t", "24",
      "keys, where their number is known, from which on attention is computed in integers">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_QUANTIZEPRODUCTS_TD
