//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What threads share of a convolution: rows of the result, if possible. A thread
// then reads what it wrote in the layer before, but for a row of its neighbour;
// were channels shared out, it would read everything that the others wrote.
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

} // namespace mpq

#endif // MPQ_KERNEL_PARALLELROWS_H
