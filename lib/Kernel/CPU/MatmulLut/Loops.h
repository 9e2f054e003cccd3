//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product of f32 rows with codes that are looked up row
// by row. A lane of a vector is a column, so a sum has 16 lanes, which are
// added up at the end:
//
//     lanes  = sum over runs of  scale * (sum over slots of level * x)
//     result = bias + sum of the lanes
//
// A run's sum is a chain from zero with one rounding for each term: for every
// row in the same way, whatever tile it is in. Only shared tables have scales.
//
// Few rows: levels are looked up in registers, for the rows of one tile.
//
//     for panel of the weight:                      (LutLayout.h)
//       for team, cell:
//         tables into registers
//         for bundle, line, slot:
//           levels of 4 streams, times an activation of each row
//
// Many rows: looked up once for a block of rows, whose activations fit the
// second-level cache. Sums wait in memory while one tile after the other
// passes.
//
//     for block of rows, panel:
//       for cell, bundle:
//         levels of 4 rows of the weight into a buffer
//         for tile of rows:
//           f32 products with the buffer
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOPS_H

#include "lib/Kernel/CPU/MatmulLut/Lookup.h"

namespace mpq::lut {

class LutLoops {
public:
  LutLoops(KernelBuilder &k, MatmulOp op, const LutLayout &layout,
           mlir::ValueRange operands);
  void emit();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  using Tables = llvm::SmallVector<Lookup::Table>;

  /// A cell of a team: where it begins, the column of its first line, its
  /// tables, row by row, and its scales.
  struct Cell {
    Index at, column;
    Tables tables;
    Values scales;
  };

  void forRowBlocks(llvm::function_ref<void(Index first, Index count)> body);
  Cell getCell(Index team, Index cell);
  /// The table of a row of a team for a slot.
  const Lookup::Table &getTable(const Cell &cell, int64_t row,
                                int64_t slot) const;
  /// Calls `body` for the levels of each slot of a line of a bundle, those of
  /// all streams at once.
  void
  forSlots(const Cell &cell, Index bundle, Index line,
           llvm::function_ref<void(int64_t slot, const Values &levels)> body);
  /// The column of a slot of run `run` of a bundle.
  Index getColumn(const Cell &cell, Index bundle, int64_t run, Index line,
                  int64_t slot);
  /// `sums` and, each times its row's scale, those of runs: `runs` for each.
  Values addRuns(mlir::ValueRange sums, const Values &products,
                 const Values &scales, int64_t runs);

  //===--- Few rows -------------------------------------------------------===//
  void emitFew(Index panel, int64_t rows);
  Values emitBundle(const Cell &cell, Index bundle, int64_t rows,
                    mlir::ValueRange sums);

  //===--- Many rows ------------------------------------------------------===//
  void emitMany(Index panel, Index count);
  /// Writes the levels of a bundle of a team into the buffer.
  void emitLevels(const Cell &cell, Index team, Index bundle);
  /// Adds the products of the buffer, which begins with `column`, and a tile of
  /// rows.
  void emitProducts(Index column, const Values &scales, Index row,
                    int64_t height);
  /// A vector of 16 columns of a run in the buffer.
  Index getLevel(int64_t run, Index vector, Index weightRow) {
    Index at = vector + run * layout.runLines * layout.slots;
    return k.mul(k.add(k.mul(at, LutLayout::kRows), weightRow),
                 LutLayout::kLanes);
  }

  //===--- Results --------------------------------------------------------===//
  /// Sums of lanes, of four rows of the weight: a vector of four.
  mlir::Value addLanes(Values sums);
  void emitResults(Index panel, Index row, Index outputRow);
  Index getTotal(Index row, Index weightRow) {
    return k.mul(k.add(k.mul(row, LutLayout::kRows), weightRow),
                 LutLayout::kLanes);
  }

  KernelBuilder &k;
  MatmulOp op;
  LutLayout layout;
  Index m;
  Activation output;
  std::optional<Activation> residual;
  mlir::Value packed, bias;
  Lookup lookup;
  packedf32::FloatRows activations;
  int64_t rowsAtOnce;
  /// The shared table; sums, 4 for each row; levels of a bundle of 4 rows.
  std::optional<Lookup::Table> shared;
  mlir::Value totals, buffer;
};

} // namespace mpq::lut

#endif // MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOPS_H
