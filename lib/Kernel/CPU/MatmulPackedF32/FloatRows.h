//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of activations as the kernel reads them: f32, or bf16 where pairs of
// them are multiplied. They are read where they are or, where they are stored
// as something else or groups of columns of the weight are padded, copied, with
// zeros in the place of the padding. A zero times what a padded code stands for
// adds nothing.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_FLOATROWS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_FLOATROWS_H

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/PackedLayout.h"

namespace mpq::packedf32 {

/// How columns lie in a packed weight: groups of `group` of the `k` columns, the
/// last one but for its end, begin `pitch` columns apart, and all of it has `end`.
struct PaddedColumns {
  int64_t k, group, pitch, end;
  int64_t groups() const { return (k + group - 1) / group; }
  /// Groups that begin at steps.
  static PaddedColumns get(const PackedLayout &layout) {
    int64_t pitch = layout.groupSteps * PackedLayout::kColumns;
    return {layout.k, layout.groupColumns, pitch, layout.groups * pitch};
  }
};

class FloatRows {
public:
  /// Of `input`, as `type`, blocks of up to `rowsAtOnce` rows, or fewer if the
  /// copies of so many do not fit into `bytes`.
  FloatRows(KernelBuilder &k, PaddedColumns columns, mlir::Value input,
            UniformAttr quant, mlir::FloatType type, int64_t rowsAtOnce,
            int64_t bytes);
  FloatRows(KernelBuilder &k, const PackedLayout &layout, mlir::Value input,
            UniformAttr quant, mlir::FloatType type, int64_t rowsAtOnce,
            int64_t bytes)
      : FloatRows(k, PaddedColumns::get(layout), input, quant, type, rowsAtOnce,
                  bytes) {}

  int64_t getRowsAtOnce() const { return rowsAtOnce; }
  /// Makes rows [first, first + count) the rows 0 ... count - 1.
  void emitBlock(Index first, Index count);
  /// Column `column` of step `step` of all groups' steps, or of bf16 that one
  /// and the next, `lanes` times.
  mlir::Value broadcast(Index row, Index step, int64_t column, int64_t lanes);
  /// `lanes` columns from `column` on, counted with padding.
  mlir::Value load(Index row, Index column, int64_t lanes);

private:
  /// Stored as `type`, and not padded.
  bool isReady() const;
  void copyRow(Index from, Index to);
  Index locate(Index row, Index column);
  mlir::Value getBuffer() const { return copies ? copies : input; }

  KernelBuilder &k;
  PaddedColumns columns;
  mlir::Value input;
  UniformAttr quant;
  mlir::FloatType type;
  mlir::Value copies;
  Index firstRow;
  int64_t rowsAtOnce, pitch;
};

} // namespace mpq::packedf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_FLOATROWS_H
