//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product; Plan.h draws tile and weight.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULVNNI_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULVNNI_LOOPS_H

#include "lib/Kernel/CPU/MatmulVnni/Plan.h"
#include "mpq/Kernel/DynamicQuantization.h"

#include <optional>

namespace mpq::vnni {

class MatmulLoops {
public:
  MatmulLoops(KernelBuilder &k, MatmulOp op, mlir::ValueRange operands);
  void emit();

private:
  using Accumulators = llvm::SmallVector<mlir::Value>;

  /// A stretch of output columns: where its weights and its first column are,
  /// and what stays the same for all rows.
  struct Panel {
    Index weights, column;
    int64_t vectors;
    /// Where the sums for the zero point are.
    Index sums(const MatmulPlan &plan) const {
      return weights + (plan.vectorBytes() - kFactorBytes) * vectors;
    }
    /// Columns from the first one to the last of the matrix; of interest where
    /// they are fewer than the vectors hold.
    int64_t columns;
    llvm::SmallVector<mlir::Value> scale, bias;
  };
  /// Rows of the input: where their codes and their results are.
  struct Rows {
    Index codes, scratchRow, output;
    int64_t count;
  };

  int64_t slot(const Panel &panel, int64_t row, int64_t vector,
               int64_t chain = 0) const {
    return (row * panel.vectors + vector) * plan.chains + chain;
  }

  /// The scale of the row at `from`.
  DynamicQuantization emitScale(Index from);
  /// Quantizes one row of the input, at `from`, into row `row` of the scratch,
  /// at `to`.
  void emitRow(Index from, Index to, Index row);
  /// What threads share of a block; nothing of one that is a single tile.
  enum class Share { Nothing, PanelsAndTiles };
  /// Quantizes `count` rows from `first` on, if need be, and multiplies them.
  void emitBlock(Index first, Index count, Share share);
  /// All tiles of `count` rows from `first` on.
  void emitRows(Index first, Index count, Share share);
  Panel makePanel(Index weights, Index column, int64_t vectors,
                  int64_t columns);
  void emitTile(const Panel &panel, const Rows &rows);
  /// The f32 sums of a tile.
  Accumulators emitSums(const Panel &panel, const Rows &rows);
  /// Where accumulators start: with one group, at the exact correction for the
  /// input's zero point; otherwise at zero.
  Accumulators emitStart(const Panel &panel, const Rows &rows);
  /// The integer sum of steps [0, steps), and of the partial one behind it if
  /// `tail`.
  Accumulators emitGroup(const Panel &panel, const Rows &rows, Index codes,
                         Index weights, Index steps, bool tail);
  /// The f32 sums over several groups.
  Accumulators emitGroups(const Panel &panel, const Rows &rows);
  /// Minus the zero point of a row of the tile, i32, in all lanes.
  mlir::Value loadZero(const Rows &rows, int64_t row);
  void emitStep(const Panel &panel, Index codes, Index weights, int64_t chain,
                int64_t bytes, Accumulators &accumulators);
  void emitResults(const Panel &panel, const Rows &rows,
                   const Accumulators &sums);

  /// Vector `v` of the scales or sums that are at byte `at`.
  mlir::Value loadFactors(mlir::Type element, Index at, int64_t v);
  /// `bytes` <= 4 codes as the low bytes of a dword, in all lanes.
  mlir::Value broadcastCodes(Index at, int64_t bytes);

  KernelBuilder &k;
  MatmulOp op;
  MatmulPlan plan;
  Index m;
  Activation input, output;
  std::optional<Activation> residual;
  mlir::Value packed, bias;
  Epilogue epilogue;

  bool isDynamic;
  /// u8 rows: the input, or the scratch, and the bytes between them.
  mlir::Value codes;
  int64_t pitch;
  /// Scale and negative zero point (f32, i32) of each row in the scratch.
  mlir::Value rowScales, rowZeros;
};

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_MATMULVNNI_LOOPS_H
