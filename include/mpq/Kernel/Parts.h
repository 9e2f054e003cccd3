//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What passes tell each other about kernels that threads share
// (docs/Rationale/Threads.md).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_PARTS_H
#define MPQ_KERNEL_PARTS_H

#include "llvm/ADT/StringRef.h"

namespace mpq {

/// The attribute of a kernel's function: the predicted time of one call on one
/// thread, i64.
inline constexpr llvm::StringLiteral kNanosecondsAttr = "mpq.nanoseconds";

/// The attribute of the call of a split kernel, whose last two arguments are
/// `part` and `parts`: into how many parts it is worth splitting, i64. Where that
/// depends on sizes that are known at run time only, it is the most, and `parts`
/// is the number instead of 1. On @main in the `llvm` stage: the most of its
/// calls.
inline constexpr llvm::StringLiteral kPartsAttr = "mpq.parts";

/// The attribute of a call with `kPartsAttr` that shares the fork of the one before
/// it: each thread does its part of both, unit.
inline constexpr llvm::StringLiteral kJoinsAttr = "mpq.joins";

} // namespace mpq

#endif // MPQ_KERNEL_PARTS_H
