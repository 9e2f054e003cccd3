//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How plans, remarks and reports call activations. The IR says `int8` for all that
// become integers; how many bits their codes have is said once, for the module
// (`kActivationBitsAttr`).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_LABELS_H
#define MPQ_ANALYSIS_LABELS_H

#include "dialects/MPQ/MPQ.h"

#include "mlir/IR/BuiltinOps.h"

namespace mpq {

/// `f32`, or `int4` with codes of 4 bits in `module`.
std::string getActivationsName(mlir::ModuleOp module, Activations kind);

/// `int4:g32`, or `int4:g32 with int2 activations` where these are a part of the
/// choice.
std::string getLabel(SiteOp site, CandidateAttr candidate);

} // namespace mpq

#endif // MPQ_ANALYSIS_LABELS_H
