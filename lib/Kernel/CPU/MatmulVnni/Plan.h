//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a matrix product is cut into register tiles, and the packed weight.
//
// A *panel* is up to `vectors` x 16 output columns (rows of the weight); a tile
// is `rows` rows of the input times one panel. Per step of 4 columns of the
// weight it loads `vectors` weight vectors and broadcasts `rows` dwords of the
// input, for rows x vectors dot products.
//
// Scales per group along K end an integer sum with every group: the sum is
// multiplied by the group's scales and added to an f32 accumulator, so a tile
// needs two sets of accumulators.
//
// The packed weight is a stream in the order of use. The last panel has what
// vectors are left:
//
//     panel: for each group along K:
//              s8  [steps of the group][vectors][16 rows][4 columns]
//              f32 [vectors * 16] scales
//            one group:   i32 [vectors * 16] sums of the levels
//            more groups: f32 [vectors * 16] sums of the weights
//
// for the zero point of the input: one group starts its accumulators at the
// exact correction; with more, the correction is added at the end.
//
// With more than one group the stream follows a header of 64 bytes: i32 steps
// of a group. A kernel knows its weight by the number of bytes alone, from
// which follows the number of groups; their length it reads from there.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULVNNI_PLAN_H
#define MPQ_LIB_KERNEL_CPU_MATMULVNNI_PLAN_H

#include "lib/Kernel/CPU/Vnni/Vnni.h"

namespace mpq::vnni {

constexpr int64_t kHeaderBytes = 64;
/// Divisible by every height of a tile: what tiles are chosen for where the
/// number of rows is not known.
constexpr int64_t kManyRows = 720720;
/// Bytes of the scales, or the sums, of one vector.
constexpr int64_t kFactorBytes = kRows * 4;

struct MatmulPlan {
  /// From the op: with its weight on tensors, or packed on memrefs.
  explicit MatmulPlan(MatmulOp op);

  /// `m` is `kManyRows` where the number of rows is known at run time only.
  int64_t m, n, k;
  /// Weight vectors of 16 rows, and steps of 4 columns.
  int64_t totalVectors, totalSteps;
  /// Groups along K, and their steps (unknown, 0, for a packed weight of more
  /// than one group).
  int64_t groups = 1, groupSteps = 0;

  /// The tile; `chains` as in the convolution's plan.
  int64_t rows = 1, vectors = 1, chains = 1;
  /// Steps that one loop iteration takes.
  int64_t unroll = 1;
  /// Rows of a block: quantized at a time, if that is left to the kernel.
  int64_t rowsAtOnce = 1;
  /// Whether blocks are as short as threads that share them would have them,
  /// and not as long as their scratch memory allows.
  bool isCutByRows = false;

  bool isGrouped() const { return groups > 1; }
  /// Bytes between rows of codes that are quantized here.
  int64_t scratchPitch() const { return (k + kRows - 1) / kRows * kRows; }

  /// Panels that are full and end before the last column; the vectors of the
  /// last one (0: there is none).
  int64_t fullPanels() const;
  int64_t lastVectors() const { return totalVectors - fullPanels() * vectors; }

  /// Bytes of one vector of rows, of a panel, of all.
  int64_t vectorBytes() const {
    return totalSteps * kVectorBytes + (groups + 1) * kFactorBytes;
  }
  int64_t panelBytes() const { return vectors * vectorBytes(); }
  int64_t streamOffset() const { return isGrouped() ? kHeaderBytes : 0; }
  int64_t packedBytes() const {
    return streamOffset() + totalVectors * vectorBytes();
  }

private:
  double estimate();
  void chooseTile();
  void chooseBlocks(bool areRowsKnown, bool areCodes);
};

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_MATMULVNNI_PLAN_H
