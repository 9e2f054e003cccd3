//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What packing asks a stored weight, and how it writes scales and sums.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_STOREDWEIGHT_H
#define MPQ_LIB_KERNEL_CPU_PACKED_STOREDWEIGHT_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::packed {

class StoredWeight {
public:
  /// `weight` is rows x k; `packed` a 1-D memref of `bytes` bytes.
  StoredWeight(KernelBuilder &k, const WeightReader &weight, int64_t rows,
               int64_t columns, mlir::Value packed, int64_t bytes)
      : k(k), weight(weight), rows(rows), columns(columns), packed(packed),
        bytes(bytes) {}

  /// What a method of its format builds for (row, column): a level, a code, a
  /// zero point.
  template <typename Question>
  mlir::Value ask(Question question, Index row, Index column) {
    FormatAttrInterface format = weight.getFormat();
    return (format.*question)(k.b, k.b.getLoc(), weight.getPayload(), rows,
                              columns, k.value(row), k.value(column));
  }
  /// The scale, zero where not `valid` (null: true).
  mlir::Value emitScale(Index row, Index column, mlir::Value valid);
  mlir::Value orZero(mlir::Value value, mlir::Value valid);

  /// What the zero point of activations is multiplied with, zero where not
  /// `valid`: of one group the sum of the levels, an i32; of more, the sum of
  /// the weights, an f32.
  mlir::Value emitRowSum(Index row, int64_t groups, int64_t groupColumns,
                         mlir::Value valid);

  /// Writes a byte; a scale in `scaleBytes`, which is an f16 then; an i32 or f32.
  void store(mlir::Value byte, Index at) { k.store(byte, packed, at); }
  void storeScale(mlir::Value scale, Index at, int64_t scaleBytes);
  void storeDword(mlir::Value dword, Index at);
  /// The bits of an f32, or, with 2 bytes, of an f16 that it is.
  mlir::Value emitBits(mlir::Value real, int64_t realBytes);

private:
  mlir::Value emitHalf(mlir::Value scale);
  /// Of the levels of `count` columns, an i32.
  mlir::Value emitLevelSum(Index row, Index first, int64_t count);
  /// Group after group: the sum of the levels of each, times its scale.
  mlir::Value emitWeightSum(Index row, int64_t groups, int64_t groupColumns);

  KernelBuilder &k;
  const WeightReader &weight;
  int64_t rows, columns;
  mlir::Value packed;
  int64_t bytes;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_STOREDWEIGHT_H
