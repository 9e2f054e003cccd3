//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From nibbles to f16 weights, in registers (WeightLayout.h, 3 and 4).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_DECODE_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_DECODE_H

#include "ThreadBuilder.h"
#include "WeightLayout.h"

namespace mpq::w4a16 {

/// What turns nibbles of one column into weights, as pairs of equal f16.
struct ColumnTerms {
  mlir::Value zero;     ///< -1024 - zero point
  mlir::Value highZero; ///< -64 - zero point
  mlir::Value scale;    ///< null: levels are the weights
};

/// The terms of `count` columns of a lane that follow each other in a scale row;
/// `row` is the shared pointer to the first of them. Where the weight has no
/// scale rows, `row` is not read.
llvm::SmallVector<ColumnTerms> loadColumnTerms(ThreadBuilder &t, const WeightLayout &weight,
                                               mlir::Value row, int64_t count);

/// The two nibbles of `word` under the mask 0x000f000f, or 0x00f000f0 if `high`,
/// as a pair of f16 weights.
mlir::Value decodePair(ThreadBuilder &t, mlir::Value word, bool high, const ColumnTerms &column);

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_DECODE_H
