//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What threads share of an image: rows of the result, if possible. A thread then
// reads what it wrote in the layer before, but for a row of its neighbour; were
// channels shared out, it would read everything that the others wrote. A line
// that comes from another thread's cache takes as long as some 50 instructions.
// Where rows are few, threads share channel blocks, and so the border, too.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_PARALLELROWS_H
#define MPQ_KERNEL_PARALLELROWS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

/// Whether rows in `rowTiles` tiles can be divided into nearly equal parts.
inline bool areEnoughRows(int64_t rowTiles) {
  constexpr int64_t kEnough = 8, kEnoughIfEven = 4;
  return rowTiles >= kEnough || (rowTiles >= kEnoughIfEven && rowTiles % 2 == 0);
}

/// The loop over channel groups around a parallel loop of `rowTiles`
/// iterations. It is parallel itself where the rows are too few.
inline void forChannelGroups(KernelBuilder &k, int64_t groups, int64_t rowTiles,
                             KernelBuilder::Body body) {
  if (areEnoughRows(rowTiles))
    k.forLoop(0, groups, 1, body);
  else
    k.parallelFor(0, groups, 1, body);
}

/// A loop over rows, or tiles of them, in the body of `forChannelGroups`:
/// parallel unless there are channel groups enough to share, whose pieces would
/// only become smaller. With `Units::Joined` counted on from the loop before.
inline void
forRowsOfGroup(KernelBuilder &k, int64_t groups, int64_t rowTiles, Index lower,
               Index upper, KernelBuilder::Body body,
               KernelBuilder::Units units = KernelBuilder::Units::Own) {
  constexpr int64_t kEnoughGroups = 8;
  if (areEnoughRows(rowTiles) || (rowTiles > 1 && groups < kEnoughGroups))
    k.parallelFor(lower, upper, 1, body, units);
  else
    k.forLoop(lower, upper, 1, body);
}

/// The border of one channel block of one sample: what lies before the first
/// pixel, between the rows, and after the last pixel.
inline void fillPlaneBorder(KernelBuilder &k, const Activation &a, Index plane) {
  mlir::Value zero =
      a.quant ? k.integer(8, static_cast<int8_t>(a.quant.getZeroPoint()))
              : k.f32(0.0);
  int64_t before = a.top * a.rowPitch() + a.left * a.block,
          between = (a.left + a.right) * a.block,
          after = a.right * a.block + a.bottom * a.rowPitch(),
          row = a.shape[3] * a.block;
  Index at = k.mul(plane, a.planePitch());
  k.fill(a.buffer, at, before, zero);
  if (between)
    k.forLoop(1, a.shape[2], 1, [&](Index h) {
      k.fill(a.buffer, k.add(at, k.mul(h, a.rowPitch())) + (before - between),
             between, zero);
    });
  k.fill(a.buffer, at + (before + (a.shape[2] - 1) * a.rowPitch() + row), after,
         zero);
}

/// The border of `a`, shared out as its channel blocks are: it is in the cache of
/// the thread that fills the pixels beside it. For kernels whose other loops are
/// parallel, too.
inline void fillBorderByBlocks(KernelBuilder &k, const Activation &a) {
  if (!a.top && !a.left && !a.bottom && !a.right)
    return;
  k.parallelFor(0, a.channelBlocks(), 1, [&](Index block) {
    k.forLoop(0, a.shape[0], 1, [&](Index n) {
      fillPlaneBorder(k, a, k.add(k.mul(n, a.channelBlocks()), block));
    });
  });
}

/// The same, shared out as its rows are.
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

/// The border of the result of `forChannelGroups`.
inline void fillSharedBorder(KernelBuilder &k, const Activation &a,
                             int64_t rowTiles) {
  if (areEnoughRows(rowTiles))
    fillBorderByRows(k, a);
  else
    fillBorderByBlocks(k, a);
}

} // namespace mpq

#endif // MPQ_KERNEL_PARALLELROWS_H
