//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How many tiles and blocks are computed at once.
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace mpq;
using namespace mpq::winograd;

/// Blocks of u8 activations, on every target.
static constexpr int64_t kCodeBlock = 16;

WinogradPlan::WinogradPlan(ConvOp op, const KernelTarget &target)
    : geometry(op), inputBlock(getInputBlock(op, target)),
      block(getResultBlock(op, target)) {
  chooseGroups(target);
}

int64_t WinogradPlan::getInputBlock(ConvOp op, const KernelTarget &target) {
  if (BlockedAttr layout = op.getInputLayoutAttr())
    return layout.getBlock();
  return target.lanes();
}

int64_t WinogradPlan::getResultBlock(ConvOp op, const KernelTarget &target) {
  if (BlockedAttr layout = op.getOutputLayoutAttr())
    return layout.getBlock();
  return op.getOutputQuantAttr() || op.getResidualQuantAttr() ? kCodeBlock
                                                              : target.lanes();
}

double WinogradPlan::relativeWork() const {
  const ConvGeometry &g = geometry;
  return double(tiles() * kPositions) /
         (g.outputHeight * g.outputWidth * g.kernelHeight * g.kernelWidth);
}

void WinogradPlan::chooseGroups(const KernelTarget &target) {
  // In cycles of a core with two multiply-adds per cycle, as in ConvFloat/Tile.cpp:
  // a broadcast for each tile, a vector load for each block, of weights that
  // come from the second-level cache and are read again for each group of tiles.
  constexpr double kLatency = 4.6, kBroadcast = 0.57, kLoad = 0.66,
                   kFarLoad = 1.4;
  // The last factor: what it may cost that two threads can share the layer.
  constexpr int64_t kMaxAccumulators = 16, kMaxChains = 2;
  constexpr double kUnshared = 1.05;
  int64_t registers = llvm::divideCeil(block, int64_t(target.lanes()));
  int64_t room = target.vectorRegisters - (target.vectorRegisters > 16 ? 5 : 0);
  double least = std::numeric_limits<double>::infinity();
  WinogradPlan best = *this;
  for (blocksAtOnce = 1; blocksAtOnce <= std::min<int64_t>(outputBlocks(), 8);
       ++blocksAtOnce) {
    if (outputBlocks() % blocksAtOnce)
      continue;
    for (tilesAtOnce = 1; tilesAtOnce <= std::min(tiles(), kMaxAccumulators);
         ++tilesAtOnce) {
      int64_t vectors = blocksAtOnce * registers;
      int64_t accumulators = tilesAtOnce * vectors;
      chains = accumulators * kMaxChains <= kMaxAccumulators ? kMaxChains : 1;
      if (accumulators > kMaxAccumulators ||
          accumulators * chains + vectors + 1 > room ||
          scratchBytes() > kMaxScratchBytes)
        continue;
      double step = std::max({accumulators * 0.5, kLatency / chains,
                              vectors * kLoad + tilesAtOnce * kBroadcast,
                              vectors * kFarLoad});
      int64_t groups = llvm::divideCeil(tiles(), tilesAtOnce) *
                       (outputBlocks() / blocksAtOnce);
      double cycles = step * groups * (groups == 1 ? kUnshared : 1);
      if (cycles < least * 0.999) {
        least = cycles;
        best = *this;
      }
    }
  }
  *this = best;
}
