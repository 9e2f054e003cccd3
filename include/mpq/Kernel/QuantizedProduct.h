//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations in integers: attention, and contractions of
// linalg, for which there is no op of ours.
//
// An attribute of the module says that they are wanted, `mpq-quantize-products`
// which of them are; absent, all are of floats.
//
//     module attributes {mpq.activation_products = "int8"}
//     mpq.attention ... {operand_quant = #mpq.uniform<dynamic>}
//     linalg.generic ... attrs = {mpq.operand_quant = #mpq.uniform<dynamic>}
//
// A contraction is summed in blocks of `kProductBlock`, from the first element
// on. In each, every row of A and every column of B is quantized with a scale
// of its own (SymmetricQuantization.h), and
//
//     c' = c + float(sum of a8 b8) * s_a * s_b
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_QUANTIZEDPRODUCT_H
#define MPQ_KERNEL_QUANTIZEDPRODUCT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"

namespace mpq {

constexpr llvm::StringLiteral kActivationProductsAttr =
    "mpq.activation_products";
/// On a contraction, a `#mpq.uniform`.
constexpr llvm::StringLiteral kQuantizedProductAttr = "mpq.operand_quant";
/// Elements of a sum that share a scale.
constexpr int64_t kProductBlock = 512;

enum class ActivationProducts { F32, Int8 };

/// The values of an option.
inline llvm::cl::ValuesClass getActivationProductsValues() {
  return llvm::cl::values(
      clEnumValN(ActivationProducts::F32, "f32", "as the operands are"),
      clEnumValN(ActivationProducts::Int8, "int8",
                 "both operands quantized by row while the model runs"));
}

/// What an option prints as.
inline llvm::StringRef stringifyActivationProducts(ActivationProducts value) {
  return value == ActivationProducts::Int8 ? "int8" : "f32";
}

} // namespace mpq

#endif // MPQ_KERNEL_QUANTIZEDPRODUCT_H
