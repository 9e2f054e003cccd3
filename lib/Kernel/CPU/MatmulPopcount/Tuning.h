//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is measured, not derived: which tiles, how far ahead to fetch, how much to
// unroll. Results are the same with any of these numbers.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_TUNING_H
#define MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_TUNING_H

#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"
#include "mpq/Kernel/PackedLayout.h"

#include <limits>

namespace mpq::popcount {

struct Tuning {
  /// Dwords of a vector, and whether the CPU counts their bits.
  int64_t lanes = 16;
  bool countsDwords = false;
  /// For ever more rows; the last has no bound.
  llvm::SmallVector<packed::TileTuning, 4> tiles;
  /// Counts that are unrolled, and cells.
  int64_t unrolledCounts = 256, unrolledCells = 16;
  /// Bytes of stack for activations.
  int64_t activationBytes = 256 * 1024;
  /// Rows of activations for which counting takes less time than multiplying,
  /// and, where the sums may be looked up instead, than that.
  int64_t leastRows = 1, mostRowsIfLookedUp = std::numeric_limits<int64_t>::max();
};

/// For this CPU, or what was measured on the one most like it, and codes of
/// weights and activations of so many bits.
Tuning getTuning(const KernelTarget &target, int64_t weightBits,
                 int64_t activationBits);

/// Why counting bits of this weight and of `rows` rows of activations of `bits`
/// bits (none: a number that is known at run time only) takes longer than
/// multiplying (matmul_packed), or, if `isLookedUp`, than looking sums up; empty:
/// it does not.
std::string checkGain(const KernelTarget &target, const PackedLayout &weight,
                      int64_t bits, std::optional<int64_t> rows,
                      bool isLookedUp);

} // namespace mpq::popcount

#endif // MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_TUNING_H
