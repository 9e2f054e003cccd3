//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How far outputs are from a reference, and how often they are right.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_RUN_COMPARE_H
#define MPQ_TOOLS_QUANT_RUN_COMPARE_H

#include "mpq/Support/Npz.h"

namespace mpq {

/// Differences between an output y and its reference r of the same shape.
struct Comparison {
  double maxAbs = 0; ///< max |y - r|; infinite where only one of them is finite
  double maxRel = 0; ///< max |y - r| / |r| over r != 0
  double cosine = 1; ///< y.r / (|y| |r|)
  double sqnr = 0; ///< 10 log10(|r|^2 / |y - r|^2) in dB; infinite where equal
  double argmax = 100; ///< % of rows along the last axis whose largest element
                       ///< is at the same place
};

llvm::Expected<Comparison> compare(const NpyArray &output,
                                   const NpyArray &reference,
                                   llvm::StringRef referencePath);

/// How many of the rows of `output`, [N, C], have their largest element where
/// `labels`, N integers, says.
llvm::Expected<int64_t> countCorrect(const NpyArray &output,
                                     const NpyArray &labels,
                                     llvm::StringRef labelsPath);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_RUN_COMPARE_H
