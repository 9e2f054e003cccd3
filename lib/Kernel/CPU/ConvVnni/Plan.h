//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a convolution is cut into register tiles, and the order of its packed
// weights, which follows from that.
//
// A tile is `height` x `width` output pixels of `blocks` x 16 channels. Its
// accumulators stay in registers over the whole sum, which advances in *steps*
// of 4 input channels at one row of the kernel:
//
//     for each input channel block, kernel row, step:          32 registers:
//       load the kernelWidth x blocks weight vectors             6
//       for each input column under the tile:
//         broadcast its 4 channels once                          1
//         for each output column and tap that meet there:
//           accumulators[..] += column . weights[tap]            16
//
// With a 3 x 3 kernel and a tile of 1 x 16 x 1 that is 18 + 3 loads for 48
// multiply-adds. At least ten accumulators are needed to hide the latency of
// the instruction (5 cycles, 2 per cycle); tiles with fewer get several
// *chains*: copies that take turns and are added at the end.
//
// Where the input's zero point is 0, as behind a ReLU, products with the border
// are zero and are left out: kernel rows above and below the image, by the
// bounds of the loop (tiles of one row), and columns beside it, in tiles of
// their own at the ends of a row. At 8 x 8 that is 16 % of all products.
//
// The packed weight is the stream of vectors in exactly this order, then the
// row scales and the row sums (for the zero point):
//
//     s8  [channel blocks / blocks][window blocks][kernel rows][steps]
//         [kernel columns][blocks][16 rows][4 channels]
//     f32 [channel blocks * 16] scales, i32 [channel blocks * 16] sums
//
// The last input block has only the steps that have channels.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_CONVVNNI_PLAN_H
#define MPQ_LIB_KERNEL_CPU_CONVVNNI_PLAN_H

#include "lib/Kernel/CPU/Vnni/Vnni.h"
#include "mpq/Kernel/ChannelWindows.h"

namespace mpq::vnni {

/// Stack that a kernel may take for an input that it quantizes itself.
constexpr int64_t kMaxScratchBytes = 256 * 1024;

struct ConvPlan {
  explicit ConvPlan(ConvOp op);

  ConvGeometry geometry;
  /// Channels of an input block (16, or 4 for inputs of so few channels).
  int64_t inputBlock;
  int64_t inputBlocks, outputBlocks;
  /// Input blocks that the output channels of a tile depend on: all but in a
  /// convolution in groups (ChannelWindows.h), where each counts in full.
  int64_t windowBlocks;
  /// The strip of rows of the result that a kernel that quantizes its input
  /// itself computes at a time, the rows of the input that it needs, border
  /// included, and the bytes of their codes: a stack buffer.
  int64_t stripRows, stripInputRows, scratchBytes;

  /// The tile.
  int64_t height = 1, width = 1, blocks = 1, chains = 1;
  /// Kernel columns whose weights are in registers at a time.
  int64_t columnsAtOnce = 1;
  /// Steps that one loop iteration takes.
  int64_t unroll = 1;
  /// Whether the border of the input counts nothing.
  bool zeroBorder;

  /// Steps of an input block, and of the last one.
  int64_t steps() const { return inputBlock / kColumns; }
  int64_t lastSteps() const;
  int64_t totalSteps() const {
    return (windowBlocks - 1) * steps() + lastSteps();
  }
  /// Bytes of the weights of one step: kernel columns x blocks vectors.
  int64_t stepBytes() const {
    return geometry.kernelWidth * blocks * kVectorBytes;
  }
  /// Bytes of the weights of one group of `blocks` channel blocks.
  int64_t groupBytes() const {
    return totalSteps() * geometry.kernelHeight * stepBytes();
  }
  int64_t groups() const { return outputBlocks / blocks; }
  int64_t scalesOffset() const { return groups() * groupBytes(); }
  int64_t sumsOffset() const {
    return scalesOffset() + outputBlocks * kRows * 4;
  }
  int64_t packedBytes() const {
    return sumsOffset() + outputBlocks * kRows * 4;
  }

  ChannelWindows getWindows() const {
    return ChannelWindows(op, blocks * kRows, inputBlock);
  }

  /// The input's layout with just the border that the windows read.
  BlockedAttr getInputLayout(mlir::MLIRContext *context) const;

  /// The distinct input columns under `width` output columns and the kernel
  /// columns [first, last), from left to right, relative to the first pixel.
  llvm::SmallVector<int64_t> inputColumns(int64_t first, int64_t last) const;

  /// The products of a tile at output column `w` with columns of the image, for
  /// one input row and channel.
  int64_t countTaps(int64_t w) const;
  /// Whether tiles leave out the kernel rows outside the image.
  bool skipsRows() const;

private:
  ConvOp op;
  bool grouped;

  /// Estimated cycles of the whole convolution with the tile as it is; sets
  /// `columnsAtOnce` and `chains`. Negative if the tile does not fit.
  double estimate();
  void chooseTile();
  void chooseStrip();
};

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_CONVVNNI_PLAN_H
