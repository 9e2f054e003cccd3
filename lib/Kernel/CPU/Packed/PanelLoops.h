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
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_PANELLOOPS_H
#define MPQ_LIB_KERNEL_CPU_PACKED_PANELLOOPS_H

#include "lib/Kernel/CPU/Packed/Factors.h"

#include <optional>

namespace mpq::packed {

/// How a matrix product is cut for up to `maxRows` rows of activations.
struct TileTuning {
  int64_t maxRows;
  /// The register tile: rows of activations, vectors of rows of the weight.
  int64_t rows, vectors;
  /// Lines of each stream between use and prefetch (0: none), and how near to
  /// bring them (3: first-level cache, 2: second).
  int64_t prefetchLines, locality;
};

class PanelLoops {
public:
  /// The height of a block of rows: all `rows`, or equal parts of them, at most
  /// `most`, which tiles of `tile` rows fill as well as they can.
  static int64_t getBlockHeight(Index rows, int64_t most, int64_t tile = 1);

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

  /// A block of groups: its offset in the stream, its first group.
  struct Block {
    Index at, firstGroup;
    int64_t groups;
  };

  /// `lanes`: rows of the weight in one vector. `convertsHalves`: the target
  /// has an instruction for it.
  PanelLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
             mlir::ValueRange operands, int64_t lanes, bool convertsHalves);

  /// Blocks of up to `height` rows; `count` is a constant where the number of
  /// rows is one. `parallel`: threads may share them.
  void forRowBlocks(int64_t height,
                    llvm::function_ref<void(Index first, Index count)> body,
                    bool parallel = true);
  /// The tuning (`TileTuning`, or what has more beside it) for `count` rows of
  /// a block of up to `height`, chosen at run time if need be; and the lowest
  /// tile that it cuts so many rows into.
  template <typename Tile>
  void forTuning(
      llvm::ArrayRef<Tile> tiles, Index count, int64_t height,
      llvm::function_ref<void(const Tile &tile, int64_t lowest, Index count)>
          body) {
    int64_t least = 1;
    for (const Tile &tile : tiles) {
      auto emitBody = [&](Index count) {
        body(tile, getLowestTile(least, tile.maxRows, tile.rows), count);
      };
      if (count.isConstant()) {
        if (count.offset <= tile.maxRows)
          return emitBody(count);
      } else if (least <= height) {
        ifBetween(least, tile.maxRows, count, emitBody);
      }
      least = tile.maxRows + 1;
    }
  }
  /// Panels of `vectors` vectors, which threads may share.
  void forPanels(int64_t vectors, llvm::function_ref<void(const Panel &)> body);
  Panel makePanel(Index firstVector, int64_t vectors, int64_t columns);
  /// Tiles of up to `height` of `count` rows, no lower than `lowest` where the
  /// number is known at run time only. `parallel`: threads may share them.
  void forTiles(int64_t height, int64_t lowest, Index first, Index count,
                llvm::function_ref<void(const Rows &)> body,
                bool parallel = true);
  /// The blocks of groups, in order.
  Values
  forBlocks(mlir::ValueRange init,
            llvm::function_ref<Values(const Block &, mlir::ValueRange)> body);
  /// The scales of a group of a block, for each vector.
  Values loadScales(const Panel &panel, const Block &block, Index group);
  /// `sums`, row by row, times the scales of their vectors, and `before`.
  Values addScaled(llvm::ArrayRef<mlir::Value> sums,
                   llvm::ArrayRef<mlir::Value> scales, mlir::ValueRange before);
  /// For each row of a tile: the bias.
  static Values startWithBias(const Panel &panel, const Rows &rows);
  /// Stores sums, row by row, vector by vector, that have their scales and
  /// bias.
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

private:
  /// `body` where `least <= count <= most`, with a constant where these are
  /// equal.
  void ifBetween(int64_t least, int64_t most, Index count,
                 llvm::function_ref<void(Index count)> body);
  /// The lowest tile that `least` rows or more, up to `most`, are cut into, of
  /// up to `rows`.
  static int64_t getLowestTile(int64_t least, int64_t most, int64_t rows);
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_PANELLOOPS_H
