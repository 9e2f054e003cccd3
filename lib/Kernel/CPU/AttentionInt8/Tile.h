//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One head, in integers (IntegerAttention.h has the arithmetic).
//
// As in the float kernel, lanes are queries until the weights are known, and
// features of the result then. A step of both products is four codes in 32
// bits:
//
//     queries   s8 [head size / 4][queries]   lanes: queries; at once: features
//     keys      u8 [head size / 4][keys]      one of them is broadcast
//     weights   u8 [keys / 4][queries]        one of them is broadcast
//     values    s8 [keys / 4][value size]     lanes: features; at once: keys
//
// Queries and keys are transposed as they are quantized, so that the largest
// magnitude of a row is a maximum from vector to vector; values are not, four
// rows are interleaved byte by byte.
//
// Queries are taken in chunks, and the codes of a block of keys serve a whole
// chunk; those of the only block of a head serve all of its queries. Loops in a
// chunk:
//
//     pack queries
//     for each block of keys:
//       pack keys and values
//       for each tile of two vectors of queries:
//         scores, maxima, powers, weights
//         results += weights x values
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_ATTENTIONINT8_TILE_H
#define MPQ_LIB_KERNEL_CPU_ATTENTIONINT8_TILE_H

#include "lib/Kernel/CPU/IntegerDots/IntegerDots.h"
#include "mpq/Kernel/AttentionGeometry.h"
#include "mpq/Kernel/IntegerAttention.h"

namespace mpq::attention_int8 {

/// Vectors of queries in a tile.
constexpr int64_t kVectors = 2;

/// How large everything is.
struct Shape {
  Shape(AttentionOp op, const KernelTarget &target);

  /// Lanes of queries and of features.
  int64_t lanes, features;
  int64_t steps;  ///< of a head's elements
  int64_t padded; ///< features of the values, a multiple of the lanes
  /// Whether there may be more than one block of keys.
  bool isMany;
  /// Queries of a chunk: as many as there is room for.
  int64_t chunk;
  int64_t width() const { return kVectors * lanes; }
  /// Stack that is needed.
  int64_t bytes() const { return fixedBytes() + chunk * bytesPerQuery(); }

private:
  int64_t fixedBytes() const;
  int64_t bytesPerQuery() const;
};

/// Stack buffers, shared by all heads of a kernel.
struct Scratch {
  Scratch(KernelBuilder &k, const Shape &shape, const AttentionGeometry &g);

  integer::PackedRows queries, keys;
  /// [keys / 4][padded], and of each key the scale and its inverse.
  mlir::Value values, valueScales, valueInverses;
  /// What is added to the scores of a key.
  mlir::Value keyBias;
  mlir::Value strip;
  /// Of a tile: scores, then weights [keys][queries]; their codes.
  mlir::Value scores, weights;
  /// Of the queries of a chunk: maximum, sum, result so far.
  mlir::Value maxima, sums, results;
  /// Of those of a tile: what is multiplied with the result so far, the scale of
  /// the weights, and the inverse of the sum.
  mlir::Value factors, weightScales, inverseSums;
};

/// Codes of a block of keys and values; a chunk's queries.
class Operands {
public:
  Operands(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g,
           const Shape &shape, const Scratch &scratch)
      : k(k), op(op), g(g), shape(shape), s(scratch) {}

  /// Queries `first` ... `first + count - 1`.
  void packQueries(const AttentionHead &head, Index first, Index count);
  /// Keys and values `first` ... `first + count - 1`.
  void packKeys(const AttentionHead &head, Index first, Index count);

  /// What is added to the scores of those keys, for all queries of a head: a
  /// mask without rows, and what is below all scores where a step is filled up.
  void packKeyBias(const AttentionHead &head, Index first, Index count);
  /// Whether there is any of it.
  bool hasKeyBias() const;

private:
  void packRows(mlir::Value buffer, Index at, int64_t pitch, Index count,
                int64_t chunk, double factor, const integer::PackedRows &to);
  void findValueScales(Index at, Index count);
  void packValues(Index at, Index count);

  KernelBuilder &k;
  AttentionOp op;
  const AttentionGeometry &g;
  const Shape &shape;
  const Scratch &s;
};

/// A tile of queries against one block of keys.
class Tile {
public:
  /// Queries `column` ... `column + valid - 1` of the chunk that begins with
  /// query `first`.
  Tile(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g,
       const Shape &shape, const Scratch &scratch, bool hasKeyBias,
       const AttentionHead &head, Index first, Index column, int64_t vectors,
       Index valid);

  /// What there is before the first block.
  void start();
  /// Adds keys `firstKey` ... `firstKey + count - 1`.
  void emitBlock(Index firstKey, Index count);
  /// Writes what `emitBlock` has left in the scratch, if there are many blocks.
  void finish();

private:
  mlir::Value loadLanes(mlir::Value buffer, int64_t vector, Index at = 0);
  void storeLanes(mlir::Value values, mlir::Value buffer, int64_t vector,
                  Index at = 0);
  void emitKeys(Index firstKey, Index count);
  void packMask(Index firstKey, Index count);
  void emitScores(Index firstKey, Index key, int64_t height);
  mlir::Value finishScore(mlir::Value sum, Index firstKey, Index key,
                          int64_t vector, mlir::Value scale);
  void emitWeights(Index count);
  void emitCodes(Index count, llvm::ArrayRef<mlir::Value> inverses);
  void emitInverseSums();
  void emitResults(Index count);
  void emitResultTile(Index count, Index row, int64_t height, Index column,
                      int64_t panel, int64_t columns);
  void store(mlir::Value result, Index row, Index column, int64_t columns);

  KernelBuilder &k;
  AttentionOp op;
  const AttentionGeometry &g;
  const Shape &shape;
  const Scratch &s;
  bool hasKeyBias;
  const AttentionHead &head;
  Index first, column;
  int64_t vectors;
  Index valid;
  int64_t lanes;
};

} // namespace mpq::attention_int8

#endif // MPQ_LIB_KERNEL_CPU_ATTENTIONINT8_TILE_H
