//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product of f32 rows with packed codes. The sum is
//
//     result = bias + sum over groups of  scale * (sum over columns of level * x)
//
// both sums in order, from left to right, with one rounding for each term, except
// that groups of more than 32 columns are summed in pieces of 32: for every row
// in the same way, whatever tile it is in. Pieces and groups start at zero, so
// that several can be in the making at once, which hides the latency of the sum.
//
// Few rows: decoded in registers, for the rows of one tile.
//
//     for panel of the weight:
//       for tile of rows:
//         for block of groups, group:       (PackedLayout.h)
//           for step, column:               (Decode.h)
//             levels of the panel, times an activation of each row
//           sums += scale * those
//
// Many rows: decoded once for a block of rows. The f32 sums of its rows wait in
// memory while one tile after the other passes.
//
//     for block of rows, panel of the weight:
//       for a few pieces of a group, or small groups:
//         decode into a buffer that fits the first-level cache
//         for tile of rows:
//           f32 products with the buffer
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_LOOPS_H

#include "lib/Kernel/CPU/MatmulPackedF32/Decode.h"
#include "lib/Kernel/CPU/MatmulPackedF32/FloatRows.h"

namespace mpq::packedf32 {

class FloatLoops : packed::PanelLoops {
public:
  FloatLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
             const Tuning &tuning, mlir::ValueRange operands);
  void emit();

private:
  /// The codes of a group of columns of a panel: they begin `codes` bytes behind
  /// the streams' beginnings, at step `cellStep` of a cell; the first step of
  /// all; what decoding subtracts (Decode.h), for each vector.
  struct Group {
    Index codes;
    int64_t cellStep;
    Index step;
    Values offsets;
  };

  void emitPanel(const TileTuning &tile, int64_t lowest, const Panel &panel,
                 Index first, Index count);
  Group getGroup(const Panel &panel, const Block &block, Index index);
  /// The group from its step `step` on.
  Group getPiece(const Group &group, Index step);
  /// Groups are of several pieces.
  bool isLong() const { return layout.groupSteps > tuning.pieceSteps; }
  /// Groups that share cells, or are small, are unrolled.
  bool isUnrolled(int64_t groups) const;

  //===--- Few rows -------------------------------------------------------===//
  Values emitTile(const TileTuning &tile, const Panel &panel, const Rows &rows);
  /// Adds a few groups at once.
  Values emitSmallGroups(const TileTuning &tile, const Panel &panel,
                         const Rows &rows, const Block &block, Index first,
                         int64_t count, mlir::ValueRange before);
  /// The sums of a group of several pieces.
  Values emitLongGroup(const TileTuning &tile, const Panel &panel,
                       const Rows &rows, const Group &group);
  /// Those of each of a few pieces, or small groups, of equal length.
  Values emitPieces(const TileTuning &tile, const Panel &panel,
                    const Rows &rows, llvm::ArrayRef<Group> pieces,
                    int64_t steps);
  Values emitSteps(const TileTuning &tile, const Panel &panel,
                   const Rows &rows, llvm::ArrayRef<Group> pieces, int64_t steps,
                   mlir::ValueRange sums);
  /// Adds one column's levels times an activation of each row, or those of a
  /// pair of columns.
  void emitProducts(llvm::ArrayRef<mlir::Value> levels, const Rows &rows,
                    Index step, int64_t column,
                    llvm::MutableArrayRef<mlir::Value> sums);
  /// Fetches what lies ahead of the lines that end with this step.
  void fetchAhead(const TileTuning &tile, const Panel &panel,
                  const Group &group, int64_t step);

  //===--- Many rows ------------------------------------------------------===//
  void emitBuffered(const TileTuning &tile, int64_t lowest, const Panel &panel,
                    Index first, Index count);
  /// Tiles of a block of rows, one after the other: the buffer is theirs.
  void forBufferedTiles(const TileTuning &tile, Index count,
                        llvm::function_ref<void(const Rows &)> body);
  /// Adds `groups` groups, all in the buffer at once.
  void emitBufferedGroups(const TileTuning &tile, const Panel &panel,
                          Index count, const Block &block, Index first,
                          int64_t groups);
  /// Adds a group that is longer than the buffer.
  void emitBufferedParts(const TileTuning &tile, const Panel &panel,
                         Index count, const Group &group,
                         llvm::ArrayRef<mlir::Value> scales);
  /// Writes `steps` steps of a group into the buffer, from its step `to` on.
  void decode(const Panel &panel, const Group &group, int64_t steps, Index to);
  /// The products with steps [from, from + steps) of the buffer.
  Values multiply(const Panel &panel, Index row, int64_t rows, Index step,
                  Index from, int64_t steps);
  /// `sums` (none: zeros) and those of each piece of `steps` steps, in order.
  Values multiplyPieces(const Panel &panel, Index row, int64_t rows, Index step,
                        int64_t from, int64_t steps, Values sums);
  Values loadSums(mlir::Value sums, const Panel &panel, Index row,
                  int64_t rows);
  void storeSums(const Values &values, mlir::Value sums, const Panel &panel,
                 Index row);
  Index getSum(const Panel &panel, Index row, int64_t i) const;

  Values makeZeros(const Panel &panel, int64_t rows);

  const Tuning &tuning;
  Decoder decoder;
  FloatRows activations;
  /// Rows of a block, of the lowest buffered tile that they are cut into.
  int64_t rowsAtOnce, lowestBuffered = 1;
  /// Decoded levels, sums over the groups, sums of a long group.
  mlir::Value buffer, totals, partials;
};

} // namespace mpq::packedf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_LOOPS_H
