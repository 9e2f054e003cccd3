//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where an attention's heads, rows and mask lie in memory.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_ATTENTIONGEOMETRY_H
#define MPQ_KERNEL_ATTENTIONGEOMETRY_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

/// The first elements of row 0 of a head, and of its mask.
struct AttentionHead {
  Index query, key, value, result, mask;
};

struct AttentionGeometry {
  AttentionGeometry(KernelBuilder &k, AttentionOp op,
                    mlir::ValueRange operands);

  /// Flat buffers; the mask may be null.
  mlir::Value query, key, value, mask, result;
  Index batches, queries, keys;
  int64_t heads, group, headSize, valueSize;
  /// Elements between rows.
  int64_t queryPitch, keyPitch, valuePitch, resultPitch;
  llvm::SmallVector<int64_t, 3> offsets;
  /// Elements between the masks of heads and of rows of queries: 0 where they
  /// share one.
  Index maskHeadPitch, maskRowPitch;

  bool maskHasRows() const {
    return !maskRowPitch.isConstant() || maskRowPitch.offset;
  }
  /// The first element of row 0 of a head.
  Index queryAt(KernelBuilder &k, Index batch, Index head) const;
  Index keyAt(KernelBuilder &k, Index batch, Index head) const;
  Index valueAt(KernelBuilder &k, Index batch, Index head) const;
  Index resultAt(KernelBuilder &k, Index batch, Index head) const;
  AttentionHead getHead(KernelBuilder &k, Index batch, Index head) const;
};

/// `score` of a vector of queries, which are `query + firstLane` and following,
/// with `key`; `future` for those before the key.
mlir::Value maskFuture(KernelBuilder &k, mlir::Value score, Index key,
                       Index query, int64_t firstLane, double future);

} // namespace mpq

#endif // MPQ_KERNEL_ATTENTIONGEOMETRY_H
