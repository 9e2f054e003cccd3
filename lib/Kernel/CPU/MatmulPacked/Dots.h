//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sums of products of u8 codes and s8 activations, exact, in the vectors of one
// instruction set.
//
// AVX2 has no such sum: vpmaddubsw adds two products in 16 bits, and saturates.
// With codes of up to c and activations from -128 to 127, the sum of n such
// pairs lies in [-256 c n, 254 c n]: it fits as long as
//
//     256 c n <= 32768
//
//     c        1    3    7   15   31   63  127  255
//     n      128   42   18    8    4    2    1    0
//
// (Counting the lower end only is right: the upper one is smaller.) After n
// additions the 16-bit sums are widened. 8-bit codes are multiplied in halves of
// 4 bits.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_DOTS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_DOTS_H

#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"
#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::packed {

/// How many `vpmaddubsw` of codes up to `maxCode` may be added in 16 bits.
constexpr int64_t getSafeAdditions(int64_t maxCode) {
  return 32768 / (256 * maxCode);
}

/// A sum in the making: i32, and what AVX2 has not widened yet.
struct Sum {
  mlir::Value total, halves;
  int64_t pending = 0;
};

class Dots {
public:
  Dots(KernelBuilder &k, Isa isa) : k(k), isa(isa) {}

  /// Rows of the weight in one vector.
  int64_t lanes() const {
    return isa == Isa::Vnni256 || isa == Isa::Avx2 ? 8 : 16;
  }
  mlir::VectorType codesType() const;
  mlir::VectorType sumsType() const;

  /// Adds codes (4 x lanes bytes, up to `maxCode`) times activations, the same
  /// four (an i32) for all lanes.
  void add(Sum &sum, mlir::Value codes, mlir::Value activations,
           int64_t maxCode);
  /// The i32 sums.
  mlir::Value finish(Sum &sum);

  /// Four activations in all lanes; what `add` takes.
  mlir::Value broadcast(mlir::Value dword);

private:
  void addPairs(Sum &sum, mlir::Value codes, mlir::Value activations,
                int64_t maxCode);
  mlir::Value multiplyBytes(mlir::Value total, mlir::Value codes,
                            mlir::Value activations);

  KernelBuilder &k;
  Isa isa;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_DOTS_H
