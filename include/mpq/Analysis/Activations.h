//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Activations as an option of passes.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_ACTIVATIONS_H
#define MPQ_ANALYSIS_ACTIVATIONS_H

#include "dialects/MPQ/MPQ.h"

#include "llvm/Support/CommandLine.h"

namespace mpq {

/// The values of a pass option.
inline llvm::cl::ValuesClass getActivationsValues() {
  return llvm::cl::values(
      clEnumValN(Activations::F32, "f32", "not quantized"),
      clEnumValN(Activations::Int8, "int8", "8 bits, in the calibrated range"));
}

} // namespace mpq

#endif // MPQ_ANALYSIS_ACTIVATIONS_H
