//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which tile for how many rows. Accumulators decide: 64 columns of one block of
// 16 rows are 32 f32 per lane, so four blocks (128 registers) are what fits
// beside the fragments.
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

static constexpr int64_t kMaxStages = 4;

ArrayRef<int64_t> mpq::w4a16::getRowLimits() {
  static constexpr int64_t limits[] = {16, 32, 64, KernelLaunch::kAnyRows};
  return limits;
}

Plan::Plan(const WeightLayout &weight, const GpuTarget &target, int64_t maxRows)
    : weight(weight) {
  blocksM = maxRows <= 16 ? 1 : maxRows <= 32 ? 2 : 4;
  warpsM = maxRows <= 64 ? 1 : 2;
  chooseWarpsN(target.processors);
  warpsK = 4 / warpsN;
  // At least two slices per warp and stage, so that a barrier is worth its time.
  stageSlices = std::max<int64_t>(4, 2 * warpsK);
  stages = std::clamp<int64_t>(target.sharedBytes / stageBytes(), 2, kMaxStages);
}

/// The widest block that leaves no multiprocessor idle when there are few rows.
/// The number of rows has no say: it would change how warps share K, and so the
/// order in which a row is summed.
void Plan::chooseWarpsN(int64_t processors) {
  for (warpsN = 4; warpsN > 1; warpsN /= 2)
    if (columnBlocks() >= processors)
      return;
}
