//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which tile for how many rows. Accumulators decide: 64 columns of one block of
// 16 rows are 32 f32 per lane, so four blocks (128 registers) are what fits
// beside the fragments; of `wgmma`, one panel of 256 rows.
//
// Which of those that fit are fast was measured on an H100
// (docs/Rationale/NVVM.md).
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

static constexpr int64_t kMaxStages = 4, kMaxGroupStages = 5;
/// The parts of K that one tile has at most, and the steps that a part is
/// worth.
static constexpr int64_t kMaxSplits = 16, kMinSteps = 4;

ArrayRef<int64_t> mpq::w4a16::getRowLimits() {
  static constexpr int64_t limits[] = {16, 32, 64, 128, 512, KernelLaunch::kAnyRows};
  return limits;
}

Plan::Plan(const WeightLayout &weight, const GpuTarget &target, int64_t maxRows)
    : weight(weight) {
  if (target.wgmma && maxRows > 32) {
    warpgroups = 2;
    groupRows = maxRows <= 64 ? 64 : maxRows <= 512 ? 128 : 256;
  } else if (maxRows <= 64) {
    warpsK = 4;
    stageSlices = 8; // two for a warp, so that a barrier is worth its time
    warpsN = maxRows <= 32 ? 1 : 2;
    blocksM = maxRows <= 16 ? 1 : maxRows <= 32 ? 2 : 4;
  } else {
    warpsM = 2;
    blocksM = 4;
    warpsN = maxRows <= 512 ? 2 : 4;
    warpsK = 4 / warpsN;
  }
  splitSteps = steps();
  if (maxRows <= rows()) {
    int64_t perProcessor = maxRows <= 16 ? 4 : maxRows <= 32 ? 3 : 1;
    split(perProcessor * target.processors);
  }
  stages = target.sharedBytes / stageBytes();
  stages = usesWarpgroups() ? std::clamp<int64_t>(stages, 3, kMaxGroupStages)
                            : std::clamp<int64_t>(stages, 2, kMaxStages);
}

/// Into parts that together are `blocks` blocks, where K is long enough.
void Plan::split(int64_t blocks) {
  int64_t wanted =
      std::min({blocks / columnBlocks(), steps() / kMinSteps, kMaxSplits});
  splitSteps = llvm::divideCeil(steps(), std::max<int64_t>(1, wanted));
  splits = llvm::divideCeil(steps(), splitSteps);
}
