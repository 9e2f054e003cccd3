//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How much error kernels for floats may have beyond that of rounding each
// product and sum.
//
// It is an attribute of the module, an f64: the largest absolute difference from
// the exact result of an op, divided by its largest absolute value. Absent, it
// is 0, and only kernels that compute by the definition are chosen.
//
//     module attributes {mpq.float_tolerance = 1.0e-5 : f64, ...}
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_FLOATTOLERANCE_H
#define MPQ_KERNEL_FLOATTOLERANCE_H

#include "llvm/ADT/StringRef.h"

namespace mpq {

constexpr llvm::StringLiteral kFloatToleranceAttr = "mpq.float_tolerance";

} // namespace mpq

#endif // MPQ_KERNEL_FLOATTOLERANCE_H
