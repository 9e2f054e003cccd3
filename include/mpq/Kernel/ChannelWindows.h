//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The input channels that a vector kernel reads for some output channels of a
// convolution in groups.
//
// A kernel computes a few vectors of output channels at once from blocks of
// input channels. With one group those are all blocks. With more, it reads the
// blocks that the groups of its output channels touch, a *window*, and weights
// are zero where an input channel belongs to another group than the output:
//
//     8 groups of 4 inputs and 4 outputs, vectors and blocks of 16:
//
//       outputs  0..15  <- block 0        w w w w . . . .    w: a 4 x 4 weight,
//       outputs 16..31  <- block 1        . . . . w w w w    .: zeros
//
// All windows have as many blocks as the largest needs; one that would reach
// beyond the last block is moved back.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_CHANNELWINDOWS_H
#define MPQ_KERNEL_CHANNELWINDOWS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

class ChannelWindows {
public:
  /// `outputs` output channels are computed at once; blocks of `inputBlock`.
  ChannelWindows(ConvOp op, int64_t outputs, int64_t inputBlock);

  /// Blocks of a window.
  int64_t getCount() const { return count; }
  /// The first block of window number `index`.
  Index getStart(KernelBuilder &k, Index index) const;
  /// Which input channel of its row of weights `channel` is for output `row`;
  /// where it is none, an index that can be read, and `valid` (null: true)
  /// becomes false.
  Index getChannel(KernelBuilder &k, Index row, Index channel,
                   mlir::Value &valid) const;

  /// How many vectors of `lanes` outputs stay within a group: computing more at
  /// once would multiply with the zeros between.
  static int64_t getMaxVectors(ConvOp op, int64_t lanes);

private:
  int64_t groups, inputsPerGroup, outputsPerGroup;
  int64_t outputs, inputBlock, inputBlocks, count;
};

} // namespace mpq

#endif // MPQ_KERNEL_CHANNELWINDOWS_H
