//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How much of the result a convolution kernel keeps in registers.
//
// A tile is `rows` x `columns` pixels of `blocks` channel blocks; each pixel
// and block is one accumulator vector. One step adds the products of one input
// channel, or of a pair of them, and one kernel row:
//
//     for kw, r:        w[kw][r] = load weights          KW * blocks loads
//     for each input column that the tile touches:
//         x = broadcast input[column]                    one load per column
//         for each (column of the tile, kw) that meets it, for r:
//             acc[column][r] += x * w[kw][r]
//
// For a 3x3 kernel of stride 1 and a tile of 1 x 16 x 1 that is 3 + 18 loads
// for 48 multiply-adds: the loads hide behind the arithmetic. Holding KW *
// blocks weights costs registers, though; a tile that does not `keepWeights`
// works through one kw after the other and broadcasts each column again.
//
// Which tile is best follows from five limits, all counted in `estimateCycles`:
//
//   arithmetic   two multiply-adds per cycle
//   loads        two per cycle, a little less in practice
//   cache        weights of more than the first-level cache holds come from the
//                second: 64 bytes in 1.4 cycles
//   latency      an accumulator takes a new product only every 4 cycles, so 8
//                accumulators are the least, 16 are comfortable
//   registers    a tile that does not fit is not considered at all
//
// A row of the result is cut into tiles of almost equal width, so that no
// narrow tile with a bad balance is left over: 25 columns become 13 + 12.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_CPU_CONVFLOAT_TILE_H
#define MPQ_KERNEL_CPU_CONVFLOAT_TILE_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

struct ConvTile {
  int64_t rows = 1;
  /// Of the first `wide` tiles of a row; the others have one column less.
  int64_t columns = 1;
  int64_t wide = 0, narrow = 0;
  int64_t blocks = 1;
  bool keepWeights = true;
};

/// What the choice depends on.
struct ConvTileProblem {
  ConvGeometry geometry;
  /// Input channels of one step.
  int64_t channelsPerStep;
  /// Channels in an accumulator, and registers that take.
  int64_t block;
  int64_t registersPerVector;
  int64_t registerBytes;
  int64_t vectorRegisters;
  /// Loads that one broadcast takes: 2 through a table of codes.
  int64_t loadsPerBroadcast;
  /// The most channel blocks of a tile.
  int64_t maxBlocks;
};

/// The tile with the lowest estimate. `rows` divides the height of the result,
/// `blocks` its channel blocks.
ConvTile chooseConvTile(const ConvTileProblem &problem);

} // namespace mpq

#endif // MPQ_KERNEL_CPU_CONVFLOAT_TILE_H
