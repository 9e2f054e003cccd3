//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the activations that quantized weights meet are stored as: the option of
// mpq-quantize, and per site the attribute `mpq.activations` and the column of
// a plan.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_ACTIVATIONS_H
#define MPQ_ANALYSIS_ACTIVATIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"

#include <optional>

namespace mpq {

enum class Activations { F32, Int8 };

inline llvm::StringRef stringify(Activations activations) {
  return activations == Activations::F32 ? "f32" : "int8";
}

/// The reading of `stringify`; nullopt for anything else.
inline std::optional<Activations> parseActivations(llvm::StringRef text) {
  for (Activations activations : {Activations::F32, Activations::Int8})
    if (text == stringify(activations))
      return activations;
  return std::nullopt;
}

/// The values of a pass option.
inline llvm::cl::ValuesClass getActivationsValues() {
  return llvm::cl::values(
      clEnumValN(Activations::F32, "f32", "not quantized"),
      clEnumValN(Activations::Int8, "int8", "8 bits, in the calibrated range"));
}

} // namespace mpq

#endif // MPQ_ANALYSIS_ACTIVATIONS_H
