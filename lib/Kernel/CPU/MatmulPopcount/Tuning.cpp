//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table. docs/Rationale/Popcount.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPopcount/Tuning.h"
#include "mpq/Support/TypicalSize.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mpq;
using namespace mpq::popcount;
using llvm::StringRef;

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
  // Looking up takes the same time for any number of bits up to 4. One and two
  // rows read several bits of a weight no faster in planes.
  if (!tuning.countsDwords)
    tuning.mostRowsIfLookedUp = activationBits == 1 ? kAnyRows : 0;
  else if (activationBits >= 3)
    tuning.mostRowsIfLookedUp = activationBits == 3 ? 3 : 1;
  if (tuning.countsDwords && weightBits > 1 && activationBits == 1)
    tuning.leastRows = 3;
  return tuning;
}

std::string popcount::checkGain(const KernelTarget &target,
                                const PackedLayout &weight, int64_t bits,
                                std::optional<int64_t> known,
                                bool isLookedUp) {
  int64_t pairs = weight.bits * bits;
  Tuning tuning = getTuning(target, weight.bits, bits);
  bool countsDwords = tuning.countsDwords;
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
  int64_t rows = known.value_or(kTypicalSize);
  StringRef guess = known ? "" : ", as many as are expected,";
  if (isLookedUp && rows > tuning.mostRowsIfLookedUp)
    return llvm::formatv("{0} rows of activations{1} are more than {2}, and sums "
                         "of weights of 1 bit are looked up in less time then",
                         rows, guess, tuning.mostRowsIfLookedUp);
  if (rows < tuning.leastRows)
    return llvm::formatv("{0} rows of activations{1} are fewer than {2}, and "
                         "multiplied in less time",
                         rows, guess, tuning.leastRows);
  return {};
}
