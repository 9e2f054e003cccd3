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

#include "lib/Kernel/CPU/MatmulPacked/TileSums.h"
#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"

namespace mpq::packed {

class PackedLoops : PanelLoops {
public:
  /// `rowsAtOnce`: the height of a block, which the scratch has room for.
  PackedLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
              llvm::ArrayRef<TileTuning> tunings, int64_t rowsAtOnce,
              TileSums &tiles, SignedRows &activations,
              mlir::ValueRange operands);
  void emit();

private:
  Values emitTile(const TileTuning &tile, const Panel &panel, const Rows &rows);

  /// The f32 sums of a tile, with the scales of the weight.
  Values emitGroups(const TileTuning &tile, const Panel &panel,
                    const Rows &rows);
  Values emitBlock(const TileTuning &tile, const Panel &panel, const Rows &rows,
                   const Block &block, mlir::ValueRange before);
  Values emitInOrder(const TileTuning &tile, const Panel &panel,
                     const Rows &rows, const Block &block,
                     mlir::ValueRange before);
  /// Of a group: for each vector, or, where the activations have one, too, the
  /// products for each row and vector.
  Values loadScales(const Panel &panel, const Rows &rows, const Block &block,
                    Index group);
  /// The integer sums of a group.
  Values emitLevels(const TileTuning &tile, const Panel &panel,
                    const Rows &rows, const Block &block, Index group);
  Values emitOneGroup(const TileTuning &tile, const Panel &panel,
                      const Rows &rows);
  /// Where integer sums of a group start: at what its zero points, or `low`,
  /// take off.
  Values emitStart(const Panel &panel, const Rows &rows, Index group,
                   llvm::ArrayRef<mlir::Value> zeroPoints);
  Values toReals(llvm::ArrayRef<mlir::Value> integers);

  llvm::ArrayRef<TileTuning> tunings;
  int64_t rowsAtOnce;
  TileSums &tiles;
  SignedRows &activations;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_LOOPS_H
