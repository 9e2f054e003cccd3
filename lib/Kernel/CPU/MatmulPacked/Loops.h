//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product on packed codes:
//
//     for block of rows:                    as many as the scratch holds
//       quantize them, sum their codes      (SignedRows.h)
//       for panel of the weight:            stays in the second-level cache
//         for tile of rows:
//           for block of groups, group:     (PackedLayout.h)
//             integer sums                  (TileSums.h)
//             f32 sum += scale * integer sum
//           epilogue
//
// How many rows and vectors a tile has depends on how many rows there are, if
// need be at run time (Tuning.h).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_LOOPS_H

#include "lib/Kernel/CPU/MatmulPacked/Factors.h"
#include "lib/Kernel/CPU/MatmulPacked/TileSums.h"
#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"

#include <optional>

namespace mpq::packed {

class PackedLoops {
public:
  /// `rowsAtOnce`: the height of a block, which the scratch has room for.
  PackedLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
              llvm::ArrayRef<TileTuning> tunings, int64_t rowsAtOnce,
              TileSums &tiles, SignedRows &activations,
              mlir::ValueRange operands);
  void emit();

  /// The height of blocks, of up to `most` rows: all rows of an op with these
  /// operands, or nearly equal parts of them.
  static int64_t getRowsAtOnce(KernelBuilder &k, mlir::ValueRange operands,
                               int64_t most);

private:
  using Values = TileSums::Values;

  /// A stretch of output columns, and what stays the same for all rows.
  struct Panel {
    llvm::SmallVector<StreamPart> parts;
    /// The first column, and how many there are from it to the end if that is
    /// fewer than the vectors hold.
    Index column;
    int64_t columns;
    llvm::SmallVector<mlir::Value> bias;
  };
  /// Rows of a tile: in the scratch, in the output.
  struct Rows {
    Index scratch, output;
    int64_t count;
  };

  /// A block of groups: where it is in its stream, and which groups it has.
  struct Block {
    Index at, firstGroup;
    int64_t groups;
  };

  /// All panels and tiles of `count` rows from `first` on.
  void emitRows(Index first, Index count);
  /// With one tuning, for `least` rows or more.
  void emitPanels(const TileTuning &tile, int64_t least, Index first,
                  Index count);
  Panel makePanel(Index firstVector, int64_t vectors, int64_t columns);
  void emitTile(const TileTuning &tile, const Panel &panel, const Rows &rows);

  /// The f32 sums of a tile, with the scales of the weight.
  Values emitGroups(const TileTuning &tile, const Panel &panel,
                    const Rows &rows);
  Block getBlock(Index block, int64_t groups);
  Values emitBlock(const TileTuning &tile, const Panel &panel, const Rows &rows,
                   const Block &block, mlir::ValueRange before);
  Values emitInOrder(const TileTuning &tile, const Panel &panel,
                     const Rows &rows, const Block &block,
                     mlir::ValueRange before);
  /// Of a group: for each vector, or, where the activations have one, too, the
  /// products for each row and vector.
  llvm::SmallVector<mlir::Value> loadScales(const Panel &panel,
                                            const Rows &rows,
                                            const Block &block, Index group);
  /// The integer sums of a group.
  Values emitLevels(const TileTuning &tile, const Panel &panel,
                    const Rows &rows, const Block &block, Index group);
  Values addScaled(llvm::ArrayRef<mlir::Value> levels,
                   llvm::ArrayRef<mlir::Value> scales, mlir::ValueRange before);
  Values emitOneGroup(const TileTuning &tile, const Panel &panel,
                      const Rows &rows);
  /// Where integer sums of a group start: at what its zero points, or `low`,
  /// take off.
  Values emitStart(const Panel &panel, const Rows &rows, Index group,
                   llvm::ArrayRef<mlir::Value> zeroPoints);
  void emitResults(const Panel &panel, const Rows &rows, const Values &sums);

  KernelBuilder &k;
  MatmulOp op;
  const PackedLayout &layout;
  llvm::ArrayRef<TileTuning> tunings;
  Index m;
  int64_t rowsAtOnce;
  Activation output;
  std::optional<Activation> residual;
  mlir::Value packed, bias;
  TileSums &tiles;
  SignedRows &activations;
  int64_t lanes;
  StreamFactors factors;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_LOOPS_H
