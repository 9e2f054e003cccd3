//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One tile of queries against all keys of a head.
//
// Lanes are queries. A tile has one or two vectors of them, and all of its
// intermediate values are kept with the queries side by side:
//
//     columns [head size][queries]    the queries, transposed, times the scale
//     weights [keys of a block][queries]
//
// so that a score tile is, like that of a matrix product, a vector of the
// columns times a broadcast element of a key; maxima, exponentials and sums
// over keys go from vector to vector, never across lanes; and nothing about a
// query depends on which others are in its tile. Then the weights, one of which
// is broadcast at a time, multiply the rows of the values, whose lanes are
// elements of the result.
//
// The keys are taken in blocks of up to `kKeys`. With several blocks the result
// and the sums of a query are scaled down whenever a block brings a larger
// maximum (M. Milakov, N. Gimelshein, "Online normalizer calculation for
// softmax", 2018):
//
//     m' = max(m, scores)     f = 2^(m - m')
//     l' = f l + sum of 2^(scores - m')      y' = f y + weights x values
//
// Scores are in powers of two: the scale has log2(e) in it. A mask has its
// floor at -3e38, where a row that is masked throughout becomes a mean, as it
// does with any other finite mask.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_ATTENTION_TILE_H
#define MPQ_LIB_KERNEL_CPU_ATTENTION_TILE_H

#include "mpq/Kernel/AttentionGeometry.h"

namespace mpq::attention {

/// Keys in a block.
constexpr int64_t kKeys = 128;
/// Vectors of queries in a tile.
constexpr int64_t kVectors = 2;

/// Stack buffers, shared by all tiles of a kernel.
struct Scratch {
  Scratch(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g);
  static int64_t bytes(AttentionOp op, const KernelTarget &target);

  mlir::Value columns, weights;
  /// Per query: the maximum, the sum, what the result so far is multiplied
  /// with, and what it is multiplied with when it is stored.
  mlir::Value maxima, sums, factors, scales;
  /// The results so far, [queries][value size], where they become codes after
  /// the last of several blocks; otherwise they are where the op's result is.
  mlir::Value results;
};

class Tile {
public:
  /// `vectors` vectors of queries from `first` on, of which `valid` exist.
  Tile(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g,
       const Scratch &scratch, const AttentionHead &head, Index first,
       int64_t vectors, Index valid);
  void emit();

private:
  int64_t width() const { return vectors * lanes; }
  bool isMany() const;
  mlir::Value loadLanes(mlir::Value buffer, int64_t vector);
  void storeLanes(mlir::Value lanes, mlir::Value buffer, int64_t vector);
  /// Row `row` of the tile, or the last one that exists.
  Index rowOf(int64_t row);

  void packQueries();
  void emitBlock(Index firstKey, Index count, mlir::Value isFirst,
                 mlir::Value isLast);
  void packMask(Index firstKey, Index count);
  void emitScores(Index firstKey, Index key, int64_t height);
  mlir::Value addMask(mlir::Value score, Index firstKey, Index key,
                      int64_t vector);
  void emitWeights(Index count);
  void emitResults(Index firstKey, Index count, mlir::Value isFirst,
                   mlir::Value isLast);
  void emitResultTile(Index firstKey, Index count, Index row, int64_t height,
                      Index column, int64_t panel, int64_t valid,
                      mlir::Value isFirst, mlir::Value isLast);

  KernelBuilder &k;
  AttentionOp op;
  const AttentionGeometry &g;
  const Scratch &s;
  const AttentionHead &head;
  Index first;
  int64_t vectors;
  Index valid;
  int64_t lanes;
  llvm::SmallVector<Index> rows;
};

} // namespace mpq::attention

#endif // MPQ_LIB_KERNEL_CPU_ATTENTION_TILE_H
