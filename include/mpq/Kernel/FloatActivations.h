//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What float activations between the compute ops of a model are stored as.
//
// It is an attribute of the module, a type. Absent, it is f32.
//
//     module attributes {mpq.float_activations = bf16, ...}
//
// With bf16, `mpq-narrow-activations` gives them this type. Sums, biases and
// what functions take and return stay f32.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_FLOATACTIVATIONS_H
#define MPQ_KERNEL_FLOATACTIVATIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"

namespace mpq {

constexpr llvm::StringLiteral kFloatActivationsAttr = "mpq.float_activations";

enum class FloatActivations { F32, BF16 };

/// The values of an option.
inline llvm::cl::ValuesClass getFloatActivationsValues() {
  return llvm::cl::values(
      clEnumValN(FloatActivations::F32, "f32", "as they are computed"),
      clEnumValN(FloatActivations::BF16, "bf16",
                 "rounded to bf16, half the memory; sums stay f32"));
}

/// What an option prints as.
inline llvm::StringRef stringifyFloatActivations(FloatActivations value) {
  return value == FloatActivations::BF16 ? "bf16" : "f32";
}

} // namespace mpq

#endif // MPQ_KERNEL_FLOATACTIVATIONS_H
