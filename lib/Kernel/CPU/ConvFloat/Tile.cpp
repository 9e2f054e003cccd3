//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The estimate behind the choice of a tile; Tile.h explains it.
//
//===----------------------------------------------------------------------===//

#include "Tile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mpq;

/// Registers that are live at once: accumulators, weights, the broadcast.
static int64_t countRegisters(const ConvTileProblem &p, const ConvTile &tile) {
  int64_t weights =
      tile.blocks * (tile.keepWeights ? p.geometry.kernelWidth : 1);
  return (tile.rows * tile.columns * tile.blocks + weights) *
             p.registersPerVector +
         1;
}

/// Cycles of one tile of `columns` over all its steps, and of its epilogue.
static double estimateTile(const ConvTileProblem &p, const ConvTile &tile,
                           int64_t columns) {
  // Measured on Xeons with AVX-512: 8 accumulators reach 82..90 % of the peak,
  // 14 and more 96..99 %; with one broadcast for each multiply-add it is 87 %,
  // with one vector load 76 %. Loads that hide still cost a little, and more so
  // where they come from the second-level cache: weights of a group that do not
  // fit the first one, at 64 bytes in 1.4 cycles.
  constexpr double kLatency = 4.6, kBroadcast = 0.57, kLoad = 0.66,
                   kHiddenLoad = 0.05;
  constexpr double kFarLoad = 1.4, kHiddenFarLoad = 0.05;
  constexpr double kEpilogue = 2.0, kPerTile = 12.0, kNearBytes = 40 << 10;
  const ConvGeometry &g = p.geometry;
  int64_t steps =
      llvm::divideCeil(g.inputChannels, p.channelsPerStep) * g.kernelHeight;
  int64_t vectors = tile.blocks * p.registersPerVector;
  int64_t sources = tile.keepWeights
                        ? int64_t(getWindowPositions(columns, g.strideX,
                                                     g.kernelWidth, g.dilationX)
                                      .size())
                        : columns * g.kernelWidth;
  int64_t weights = g.kernelWidth * vectors;
  int64_t broadcasts = tile.rows * sources * p.loadsPerBroadcast;
  int64_t products = tile.rows * columns * weights;
  double far = weights * p.registerBytes / 64.0;
  if (steps * weights * p.registerBytes <= kNearBytes)
    far = 0;
  double step =
      std::max({products * 0.5, weights * kLoad + broadcasts * kBroadcast,
                kLatency * g.kernelWidth, far * kFarLoad});
  step += (weights + broadcasts) * kHiddenLoad + far * kHiddenFarLoad;
  return steps * step + products / g.kernelWidth * kEpilogue + kPerTile;
}

/// Cycles of all tiles of one sample.
static double estimateCycles(const ConvTileProblem &p, const ConvTile &tile) {
  const ConvGeometry &g = p.geometry;
  double row = tile.wide * estimateTile(p, tile, tile.columns);
  if (tile.narrow)
    row += tile.narrow * estimateTile(p, tile, tile.columns - 1);
  // Twice the code should be worth something.
  constexpr double kSecondShape = 1.01;
  int64_t groups = (g.outputChannels + p.block - 1) / p.block / tile.blocks;
  return groups * (g.outputHeight / tile.rows) * row *
         (tile.narrow ? kSecondShape : 1);
}

ConvTile mpq::chooseConvTile(const ConvTileProblem &p) {
  // What LLVM's register allocator handles without spilling.
  const int64_t available =
      p.vectorRegisters - (p.vectorRegisters > 16 ? 5 : 0);
  const ConvGeometry &g = p.geometry;
  const int64_t channelBlocks = (g.outputChannels + p.block - 1) / p.block;
  ConvTile best{1, 1, g.outputWidth, 0, 1, false};
  double bestCycles = estimateCycles(p, best);
  auto consider = [&](const ConvTile &tile) {
    if (countRegisters(p, tile) > available)
      return;
    // Of equal tiles the first, which is the one of fewer rows and blocks.
    if (double cycles = estimateCycles(p, tile); cycles < bestCycles * 0.998) {
      best = tile;
      bestCycles = cycles;
    }
  };
  const int64_t maxBlocks = std::min<int64_t>(p.maxBlocks, 8);
  for (int64_t blocks = 1; blocks <= std::min(channelBlocks, maxBlocks);
       ++blocks)
    for (int64_t rows = 1; rows <= std::min(g.outputHeight, available); ++rows)
      for (int64_t tiles = 1; tiles <= g.outputWidth; ++tiles) {
        if (channelBlocks % blocks || g.outputHeight % rows)
          continue;
        int64_t columns = llvm::divideCeil(g.outputWidth, tiles);
        int64_t narrow = columns * tiles - g.outputWidth;
        if (rows * columns * blocks > available)
          continue;
        consider({rows, columns, tiles - narrow, narrow, blocks, true});
        if (g.kernelWidth > 1)
          consider({rows, columns, tiles - narrow, narrow, blocks, false});
      }
  return best;
}
