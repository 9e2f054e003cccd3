//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// 16-bit sums of vectors of bytes. Of bytes b_0, b_1, ..., taken as words, the sum of
// the words themselves and that of their upper bytes,
//
//     W = sum (b_0 + 256 b_1)  mod 2^16,    O = sum b_1
//
// give the sum of b_0 as W - 256 O mod 2^16: an addition, a shift and another addition
// for all of them, and nothing is masked.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_WORDSUMS_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_WORDSUMS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::bytelookup {

class WordSums {
public:
  /// For vectors of `bytes` bytes. All sums begin at `start`, modulo 2^16.
  WordSums(KernelBuilder &k, int64_t bytes, int64_t start);

  /// Adds unsigned bytes, times `factor`.
  void add(mlir::Value bytes, int64_t factor = 1);
  /// The sums, which fit 16 bits with their signs, as four vectors of i32: of bytes 0
  /// of each four, of bytes 1, ...
  llvm::SmallVector<mlir::Value> widen() const;

private:
  KernelBuilder *builder;
  int64_t bytes;
  mlir::Value words, odd;
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_WORDSUMS_H
