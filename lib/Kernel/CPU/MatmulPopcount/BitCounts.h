//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Numbers of ones in the dwords of a vector, added up. Where the CPU counts the
// bits of dwords (AVX512_VPOPCNTDQ) that is an instruction and an addition.
// Otherwise bits are counted in bytes: by a table of the 16 halves of a byte
// (vpshufb), by an instruction (AArch64's cnt), or by whatever LLVM has for
// `ctpop` of bytes. Their sums stay bytes as long as they fit, 31 times at least,
// before they are added in dwords.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_BITCOUNTS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_BITCOUNTS_H

#include "mpq/Kernel/KernelBuilder.h"

#include <array>

namespace mpq::popcount {

/// How often 8 bits may be counted in a byte.
constexpr int64_t kSafeCounts = 255 / 8;

/// A count in the making: i32, and bytes that are still to be added to it and
/// taken off it.
struct Count {
  mlir::Value total;
  std::array<mlir::Value, 2> bytes = {};
  std::array<int64_t, 2> pending = {};
};

class BitCounts {
public:
  BitCounts(KernelBuilder &k, int64_t lanes, bool countsDwords)
      : k(k), lanes(lanes), countsDwords(countsDwords) {}

  /// Adds the number of ones of every dword, or takes it off.
  void add(Count &count, mlir::Value dwords, bool isNegative);
  /// The i32 counts.
  mlir::Value finish(Count &count);

private:
  mlir::Value combine(mlir::Value total, mlir::Value ones, bool isNegative);
  /// The sum of the bytes of every dword.
  mlir::Value addBytes(mlir::Value bytes);
  void flush(Count &count, bool isNegative);

  KernelBuilder &k;
  int64_t lanes;
  bool countsDwords;
};

} // namespace mpq::popcount

#endif // MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_BITCOUNTS_H
