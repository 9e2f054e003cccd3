//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Winograd's minimal filtering F(4 x 4, 3 x 3): a 3 x 3 convolution of stride 1
// with a quarter of the multiplications.
//
// A tile of 4 x 4 results needs 6 x 6 inputs d. With the matrices A, B, G of
// Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2015),
//
//     Y = A^T [ (G w G^T) o (B^T d B) ] A          o: element by element
//
// which is 36 products in the place of 16 * 9 = 144. The sum over input channels
// is inside the brackets, so that for each of the 36 positions it is a matrix
// product of tiles x channels with channels x channels:
//
//     for each group of T tiles:
//       V[36][T][IC]  = B^T d B                                     Transform.h
//       for each group of R output blocks:
//         for each of the 36 positions p:
//           M[T][R][p] = sum over c of V[p][t][c] * U[p][c][r]      T x R registers
//         Y = A^T M A, + bias + residual, clamp, store
//
// Threads share the groups of tiles and, with each its own V, of output blocks;
// so there should be two of them, at least.
//
// U = G w G^T is made when weights are packed: 36 numbers for 9, four times the
// memory, in the order of use
//
//     f32 [OC/B/R][36][IC][R][B]           B: channels of a vector
//
// V and M are scratch memory on the stack. Tiles at the lower and right end are
// moved back so that they end with the result; they compute some of their
// neighbours' values again, so a result must be at least 4 x 4.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_WINOGRAD_PLAN_H
#define MPQ_LIB_KERNEL_CPU_WINOGRAD_PLAN_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::winograd {

/// Rows and columns of results, of inputs of a tile; positions of the products.
constexpr int64_t kTile = 4, kWindow = 6, kPositions = kWindow * kWindow;
/// Stack that a kernel may take.
constexpr int64_t kMaxScratchBytes = 256 * 1024;

struct WinogradPlan {
  WinogradPlan(ConvOp op, const KernelTarget &target);

  ConvGeometry geometry;
  /// Channels of a vector of the input, of the result.
  int64_t inputBlock, block;
  /// T and R above; T = 0 where the scratch memory of one tile is too large.
  int64_t tilesAtOnce = 0, blocksAtOnce = 1;
  /// Accumulators of each element of M, which share the channels: where T x R
  /// are too few to hide the latency of the adder.
  int64_t chains = 1;

  int64_t inputBlocks() const {
    return llvm::divideCeil(geometry.inputChannels, inputBlock);
  }
  int64_t outputBlocks() const {
    return llvm::divideCeil(geometry.outputChannels, block);
  }
  int64_t tilesY() const {
    return llvm::divideCeil(geometry.outputHeight, kTile);
  }
  int64_t tilesX() const {
    return llvm::divideCeil(geometry.outputWidth, kTile);
  }
  int64_t tiles() const { return tilesY() * tilesX(); }

  /// Floats between tiles of V, and between its positions: the planes of a
  /// power of two channels would fall on the same sets of the cache.
  int64_t tilePitch() const { return inputBlocks() * inputBlock; }
  int64_t positionPitch() const { return tilesAtOnce * tilePitch() + 16; }
  int64_t inputFloats() const { return kPositions * positionPitch(); }
  int64_t productFloats() const {
    return tilesAtOnce * blocksAtOnce * kPositions * block;
  }
  int64_t scratchBytes() const { return (inputFloats() + productFloats()) * 4; }

  /// Floats of U: of one input channel, of one position, of one group of
  /// blocks, of all.
  int64_t channelFloats() const { return blocksAtOnce * block; }
  int64_t transformFloats() const {
    return geometry.inputChannels * channelFloats();
  }
  int64_t groupFloats() const { return kPositions * transformFloats(); }
  int64_t floats() const {
    return outputBlocks() / blocksAtOnce * groupFloats();
  }

  /// Multiplications, against those of the definition.
  double relativeWork() const;

  static int64_t getInputBlock(ConvOp op, const KernelTarget &target);
  static int64_t getResultBlock(ConvOp op, const KernelTarget &target);

private:
  void chooseGroups(const KernelTarget &target);
};

} // namespace mpq::winograd

#endif // MPQ_LIB_KERNEL_CPU_WINOGRAD_PLAN_H
