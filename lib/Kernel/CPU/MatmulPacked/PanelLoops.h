//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The outer loops of a matrix product with packed codes, whatever its sums are
// made of:
//
//     for block of rows:            as many as a kernel has scratch for
//       for panel of the weight:    a few vectors of rows of the weight, which
//                                   are columns of the result
//         for tile of rows
//
// and what follows a sum: the residual, the clamp, the type of the result.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_PANELLOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_PANELLOOPS_H

#include "lib/Kernel/CPU/MatmulPacked/Factors.h"
#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"

#include <optional>

namespace mpq::packed {

class PanelLoops {
protected:
  using Values = llvm::SmallVector<mlir::Value>;

  /// A stretch of output columns.
  struct Panel {
    llvm::SmallVector<StreamPart> parts;
    /// The first column, and how many there are from it to the end if that is
    /// fewer than the vectors hold.
    Index column;
    int64_t columns;
    Values bias;
    int64_t vectors() const { return parts.size(); }
  };
  /// Rows of a tile: of the block, in the output.
  struct Rows {
    Index block, output;
    int64_t count;
  };

  /// `lanes`: rows of the weight in one vector. `convertsHalves`: the target has
  /// an instruction for it.
  PanelLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
             mlir::ValueRange operands, int64_t lanes, bool convertsHalves);

  /// The height of a block of rows: all, or nearly equal parts of them, at most
  /// `most`.
  int64_t getBlockHeight(int64_t most) const;
  /// Blocks of up to `height` rows; `count` is a constant where the number of
  /// rows is one. `parallel`: threads may share them.
  void forRowBlocks(int64_t height,
                    llvm::function_ref<void(Index first, Index count)> body,
                    bool parallel = true);
  /// The tuning for `count` rows of a block of up to `height`, chosen at run time
  /// if need be; and the lowest tile that it cuts so many rows into.
  void forTuning(llvm::ArrayRef<TileTuning> tiles, Index count, int64_t height,
                 llvm::function_ref<void(const TileTuning &tile, int64_t lowest,
                                         Index count)>
                     body);
  /// Panels of `vectors` vectors, which threads may share.
  void forPanels(int64_t vectors, llvm::function_ref<void(const Panel &)> body);
  Panel makePanel(Index firstVector, int64_t vectors, int64_t columns);
  /// Tiles of `count` rows, no lower than `lowest` where the number is known at
  /// run time only.
  void forTiles(const TileTuning &tile, int64_t lowest, Index first, Index count,
                llvm::function_ref<void(const Rows &)> body);
  /// Stores sums, row by row, vector by vector, that have their scales and bias.
  void emitResults(const Panel &panel, const Rows &rows,
                   llvm::ArrayRef<mlir::Value> sums);

  KernelBuilder &k;
  MatmulOp op;
  PackedLayout layout;
  Index m;
  Activation output;
  std::optional<Activation> residual;
  mlir::Value packed, bias;
  int64_t lanes;
  StreamFactors factors;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_PANELLOOPS_H
