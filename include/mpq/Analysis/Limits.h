//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What all sites together may take, and whether their candidates can keep it.
// That is known as soon as there are candidates, before any of them has been
// measured.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_LIMITS_H
#define MPQ_ANALYSIS_LIMITS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <optional>

namespace mpq {

/// Limits of the sum over all sites; nothing: none.
struct Limits {
  std::optional<double> averageBits;     ///< stored bits per weight
  std::optional<int64_t> maxBytes;       ///< stored bytes
  std::optional<int64_t> maxNanoseconds; ///< predicted time of one sample
};

/// Whether each of `limits` is at least what the sites of `main` take of it in
/// their smallest, or fastest, candidates; else one error at `main` with both.
/// Limits that can be kept one by one may still not be kept together.
llvm::LogicalResult checkLimits(mlir::func::FuncOp main, const Limits &limits);

} // namespace mpq

#endif // MPQ_ANALYSIS_LIMITS_H
