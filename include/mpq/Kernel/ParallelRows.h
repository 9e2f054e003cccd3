//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What threads share of an image: rows of the result, if possible. A thread then
// reads what it wrote in the layer before, but for a row of its neighbour; were
// channels shared out, it would read everything that the others wrote. A line
// that comes from another thread's cache takes as long as some 50 instructions.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_PARALLELROWS_H
#define MPQ_KERNEL_PARALLELROWS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

/// The loop over channel groups around a parallel loop of `rowTiles`
/// iterations. It is parallel itself where the rows are too few to be divided
/// into nearly equal parts.
inline void forChannelGroups(KernelBuilder &k, int64_t groups, int64_t rowTiles,
                             KernelBuilder::Body body) {
  constexpr int64_t kEnough = 8, kEnoughIfEven = 4;
  if (rowTiles >= kEnough || (rowTiles >= kEnoughIfEven && rowTiles % 2 == 0))
    k.forLoop(0, groups, 1, body);
  else
    k.parallelFor(0, groups, 1, body);
}

/// The border of `a`, shared out as its rows are: it is in the cache of the
/// thread that fills the rows beside it. For kernels whose other loops are
/// parallel, too.
inline void fillBorderByRows(KernelBuilder &k, const Activation &a) {
  if (!a.top && !a.left && !a.bottom && !a.right)
    return;
  mlir::Value zero =
      a.quant ? k.integer(8, static_cast<int8_t>(a.quant.getZeroPoint()))
              : k.f32(0.0);
  int64_t height = a.shape[2], row = a.shape[3] * a.block,
          between = (a.left + a.right) * a.block;
  auto fill = [&](Index h, int64_t shift, int64_t count) {
    if (count)
      k.forEach({a.shape[0], a.channelBlocks()}, [&](llvm::ArrayRef<Index> i) {
        k.fill(a.buffer, a.offset(k, i[0], i[1], h, 0) + shift, count, zero);
      });
  };
  int64_t before = a.top * a.rowPitch() + a.left * a.block;
  k.parallelOnce([&] { fill(0, -before, before); });
  // What lies between this row and the one before.
  k.parallelFor(1, height, 1, [&](Index h) {
    fill(h, -between, between);
  }, KernelBuilder::Units::Joined);
  k.parallelOnce([&] {
    fill(height - 1, row, a.right * a.block + a.bottom * a.rowPitch());
  }, KernelBuilder::Units::Joined);
}

} // namespace mpq

#endif // MPQ_KERNEL_PARALLELROWS_H
