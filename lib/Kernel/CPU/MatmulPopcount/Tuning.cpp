//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table. docs/Rationale/Popcount.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPopcount/Tuning.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mpq;
using namespace mpq::popcount;

static constexpr int64_t kAnyRows = INT64_MAX;

Tuning popcount::getTuning(const KernelTarget &target, int64_t weightBits,
                           int64_t activationBits) {
  Tuning tuning;
  bool isWide = target.avx512bw && target.vectorBits >= 512;
  tuning.countsDwords =
      target.avx512vpopcntdq && (isWide || target.avx512vl);
  // LLVM holds back what waits for nothing until registers run out; bytes are
  // worth counting on until they are full.
  tuning.unrolledCounts = tuning.countsDwords ? 32 : 256;
  if (target.avx2 && !isWide)
    tuning.lanes = 8;
  // As high as leaves registers for lines and products (PlaneTile.h). Zen 4.
  int64_t mostSums = target.vectorRegisters >= 32 ? 20 : 8;
  int64_t sums = weightBits + activationBits - 1;
  int64_t rows = std::clamp<int64_t>(mostSums / sums, 1, 8);
  tuning.tiles = {{1, 1, 1, 0, 0}, {kAnyRows, rows, 1, 72, 3}};
  return tuning;
}

std::string popcount::checkGain(const KernelTarget &target,
                                const PackedLayout &weight, int64_t bits) {
  int64_t pairs = weight.bits * bits;
  bool countsDwords = getTuning(target, weight.bits, bits).countsDwords;
  if (!countsDwords && !target.avx2)
    return "no instruction counts bits or looks them up in a table";
  int64_t columns = weight.cellSteps * PackedLayout::kColumns;
  if (weight.groupSteps < weight.cellSteps)
    return llvm::formatv("groups of {0} columns leave bits of the {1} that are "
                         "counted at a time empty",
                         weight.groupColumns, columns);
  int64_t most = countsDwords ? 4 : 2;
  if (pairs > most)
    return llvm::formatv(
        "{0} bits times {1} are {2} pairs of planes, more than {3}",
        weight.bits, bits, pairs, most);
  return {};
}
