//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The region of an `mpq.map` on vectors: scalars become vectors, op by op.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MAP_BODY_H
#define MPQ_LIB_KERNEL_CPU_MAP_BODY_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::map {

/// Whether every op of `body` means the same on vectors; if not, `reason`.
bool isVectorizable(mlir::Block &body, std::string &reason);

/// Emits `body` on vectors of equal length; returns what it yields.
mlir::Value emitBody(KernelBuilder &k, mlir::Block &body,
                     mlir::ValueRange arguments);

/// Turns the math functions on vectors around `block` into arithmetic where
/// that is accurate; the others are left for libm, lane by lane.
void expandMath(mlir::Block *block, const KernelTarget &target);

} // namespace mpq::map

#endif // MPQ_LIB_KERNEL_CPU_MAP_BODY_H
