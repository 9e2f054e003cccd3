//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Packing of queries, scores, weights and results of a tile.
//
//===----------------------------------------------------------------------===//

#include "Tile.h"

#include "mpq/Kernel/Elements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::attention;

namespace {

constexpr double kLog2E = 1.4426950408889634;
/// Below all scores, above all masks, above all keys that are not looked at.
constexpr double kLowest = -3.3e38, kMasked = -3.0e38, kFuture = -3.2e38;

} // namespace

/// Whether results of several blocks are added up before they become codes.
static bool keepsResults(AttentionOp op) {
  auto key = cast<ShapedType>(op.getKey().getType());
  int64_t keys = key.getDimSize(key.getRank() - 2);
  return op.getOutputQuantAttr() &&
         (ShapedType::isDynamic(keys) || keys > kKeys);
}

int64_t Scratch::bytes(AttentionOp op, const KernelTarget &target) {
  int64_t rows = op.getHeadSize() + kKeys + 4;
  if (keepsResults(op))
    rows += op.getValueSize();
  return rows * kVectors * target.lanes() * sizeof(float);
}

Scratch::Scratch(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g) {
  int64_t width = kVectors * k.target.lanes();
  auto make = [&](int64_t rows) {
    return k.stackBuffer(k.b.getF32Type(), rows * width);
  };
  columns = make(g.headSize);
  weights = make(kKeys);
  maxima = make(1);
  sums = make(1);
  factors = make(1);
  scales = make(1);
  if (keepsResults(op))
    results = make(g.valueSize);
}

Tile::Tile(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g,
           const Scratch &scratch, const AttentionHead &head, Index first,
           int64_t vectors, Index valid)
    : k(k), op(op), g(g), s(scratch), head(head), first(first),
      vectors(vectors), valid(valid), lanes(k.target.lanes()) {}

/// Whether there may be more than one block of keys.
bool Tile::isMany() const {
  return !g.keys.isConstant() || g.keys.offset > kKeys;
}

Value Tile::loadLanes(Value buffer, int64_t vector) {
  return k.loadVector(buffer, vector * lanes, lanes);
}

void Tile::storeLanes(Value values, Value buffer, int64_t vector) {
  k.storeVector(values, buffer, vector * lanes);
}

Index Tile::rowOf(int64_t row) {
  if (valid.isConstant())
    return k.add(first, std::min(row, valid.offset - 1));
  return k.add(first, k.min(Index(row), k.sub(valid, 1)));
}

void Tile::emit() {
  for (int64_t row = 0; row < width(); ++row)
    rows.push_back(rowOf(row));
  packQueries();
  for (int64_t v = 0; v < vectors; ++v)
    storeLanes(k.splatF32(kLowest, lanes), s.maxima, v);
  // No query of the tile looks at keys behind its last one.
  Index end = op.getCausal() ? k.min(k.add(first, valid), g.keys) : g.keys;
  if (!isMany())
    return emitBlock(0, end, {}, {});
  for (int64_t v = 0; v < vectors; ++v)
    storeLanes(k.splatF32(0.0, lanes), s.sums, v);
  k.forLoop(0, end, kKeys, [&](Index key) {
    Index left = k.sub(end, key);
    Value isFirst = k.lessThan(key, 1);
    Value isLast = k.lessThan(left, kKeys + 1);
    emitBlock(key, k.min(left, kKeys), isFirst, isLast);
  });
}

/// Transposes the queries, four elements of all of them at a time.
void Tile::packQueries() {
  Value scale = k.splatF32(op.getScale().convertToFloat() * kLog2E, lanes);
  SmallVector<Index> starts;
  for (Index row : rows)
    starts.push_back(k.add(head.query, k.mul(row, g.queryPitch)));
  auto packStrip = [&](Index d, int64_t count) {
    for (int64_t v = 0; v < vectors; ++v) {
      auto columns = transposeStrip(k, lanes, [&](int64_t row) {
        return k.loadPartial(g.query, k.add(starts[v * lanes + row], d), 4,
                             count);
      });
      for (int64_t i = 0; i < count; ++i)
        k.storeVector(k.mulf(columns[i], scale), s.columns,
                      k.mul(d + i, width()) + v * lanes);
    }
  };
  int64_t whole = g.headSize / 4 * 4;
  k.forLoop(0, whole, 4, [&](Index d) { packStrip(d, 4); });
  if (whole < g.headSize)
    packStrip(whole, g.headSize - whole);
}

/// Scores, weights and results of keys `firstKey` ... `firstKey + count - 1`.
/// `isFirst` and `isLast` (null: true) say which block it is.
void Tile::emitBlock(Index firstKey, Index count, Value isFirst, Value isLast) {
  SmallVector<Value> before;
  for (int64_t v = 0; isLast && v < vectors; ++v)
    before.push_back(loadLanes(s.maxima, v));
  if (g.mask && g.maskHasRows())
    packMask(firstKey, count);
  // As many accumulators as hide the latency of a multiply-add.
  int64_t keysAtOnce = k.target.vectorRegisters >= 32 ? (vectors == 1 ? 12 : 8)
                                                      : (vectors == 1 ? 8 : 5);
  k.forRowTiles(count, keysAtOnce, [&](Index key, int64_t height) {
    emitScores(firstKey, key, height);
  });
  for (int64_t v = 0; isLast && v < vectors; ++v) {
    Value change =
        arith::SubFOp::create(k.b, before[v], loadLanes(s.maxima, v));
    storeLanes(k.exp2(change), s.factors, v);
  }
  emitWeights(count);
  Value one = k.splatF32(1.0, lanes);
  for (int64_t v = 0; v < vectors; ++v) {
    Value scale = arith::DivFOp::create(k.b, one, loadLanes(s.sums, v));
    if (isLast)
      scale = arith::SelectOp::create(k.b, isLast, scale, one);
    storeLanes(scale, s.scales, v);
  }
  emitResults(firstKey, count, isFirst, isLast);
}

/// A mask that differs between queries, transposed like them to where the
/// weights will be.
void Tile::packMask(Index firstKey, Index count) {
  Value scale = k.splatF32(kLog2E, lanes);
  SmallVector<Index> starts;
  for (Index row : rows)
    starts.push_back(
        k.add(k.add(head.mask, k.mul(row, g.maskRowPitch)), firstKey));
  k.forEachVector(count, 4, {}, [&](Index key, Index valid, ValueRange) {
    for (int64_t v = 0; v < vectors; ++v) {
      auto columns = transposeStrip(k, lanes, [&](int64_t row) {
        return k.loadPartial(g.mask, k.add(starts[v * lanes + row], key), 4,
                             valid);
      });
      // Rows of weights behind the last are room for these: kKeys is a
      // multiple of 4, and a vector without lanes is not stored.
      for (int64_t i = 0; i < 4; ++i) {
        auto store = [&] {
          k.storeVector(k.mulf(columns[i], scale), s.weights,
                        k.mul(key + i, width()) + v * lanes);
        };
        if (!valid.isConstant())
          k.ifThen(arith::CmpIOp::create(k.b, arith::CmpIPredicate::ugt,
                                         k.value(valid), k.index(i)),
                   store);
        else if (i < valid.offset)
          store();
      }
    }
    return SmallVector<Value>();
  });
}

/// The scores of `height` keys from `key` of the block on.
void Tile::emitScores(Index firstKey, Index key, int64_t height) {
  SmallVector<Value> sums(height * vectors, k.splatF32(0.0, lanes));
  Index keyAt = k.add(head.key, k.mul(k.add(firstKey, key), g.keyPitch));
  auto steps = [&](Index d, int64_t count, ValueRange in) {
    SmallVector<Value> sums(in);
    for (int64_t u = 0; u < count; ++u) {
      k.keepLoadsInOrder();
      SmallVector<Value> columns;
      for (int64_t v = 0; v < vectors; ++v)
        columns.push_back(
            k.loadVector(s.columns, k.mul(d + u, width()) + v * lanes, lanes));
      for (int64_t i = 0; i < height; ++i) {
        Value x = k.broadcast(
            k.load(g.key, k.add(keyAt, d) + (i * g.keyPitch + u)), lanes);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = sums[i * vectors + v];
          sum = k.fma(x, columns[v], sum);
        }
      }
    }
    return sums;
  };
  int64_t unroll = 4, whole = g.headSize / unroll * unroll;
  sums = k.forLoop(0, whole, unroll, sums, [&](Index d, ValueRange in) {
    return steps(d, unroll, in);
  });
  sums = steps(whole, g.headSize - whole, sums);
  for (int64_t v = 0; v < vectors; ++v) {
    Value max = loadLanes(s.maxima, v);
    for (int64_t i = 0; i < height; ++i) {
      Value score = sums[i * vectors + v];
      if (g.mask)
        score = addMask(score, firstKey, key + i, v);
      if (op.getCausal())
        score = maskFuture(k, score, k.add(firstKey, key) + i, first, v * lanes,
                           kFuture);
      k.storeVector(score, s.weights, k.mul(key + i, width()) + v * lanes);
      max = arith::MaxNumFOp::create(k.b, max, score);
    }
    storeLanes(max, s.maxima, v);
  }
}

Value Tile::addMask(Value score, Index firstKey, Index key, int64_t vector) {
  Value mask;
  if (g.maskHasRows()) {
    mask = k.loadVector(s.weights, k.mul(key, width()) + vector * lanes, lanes);
  } else {
    Index at = k.add(k.add(head.mask, firstKey), key);
    mask = k.broadcast(k.mulf(k.load(g.mask, at), k.f32(kLog2E)), lanes);
  }
  return k.addf(score, k.maxf(mask, kMasked));
}

/// Scores become weights; their sums are added up.
void Tile::emitWeights(Index count) {
  SmallVector<Value> max, sums;
  for (int64_t v = 0; v < vectors; ++v) {
    max.push_back(loadLanes(s.maxima, v));
    sums.push_back(isMany()
                       ? k.mulf(loadLanes(s.sums, v), loadLanes(s.factors, v))
                       : k.splatF32(0.0, lanes));
  }
  auto steps = [&](Index key, int64_t count, ValueRange in) {
    SmallVector<Value> sums(in);
    for (int64_t u = 0; u < count; ++u)
      for (int64_t v = 0; v < vectors; ++v) {
        Index at = k.mul(key + u, width()) + v * lanes;
        Value score = k.loadVector(s.weights, at, lanes);
        Value power = k.exp2(arith::SubFOp::create(k.b, score, max[v]));
        k.storeVector(power, s.weights, at);
        sums[v] = k.addf(sums[v], power);
      }
    return sums;
  };
  constexpr int64_t kUnroll = 4;
  Index rest = k.mod(count, kUnroll), whole = k.sub(count, rest);
  sums = k.forLoop(0, whole, kUnroll, sums, [&](Index key, ValueRange in) {
    return steps(key, kUnroll, in);
  });
  sums = k.forLoop(whole, count, 1, sums,
                   [&](Index key, ValueRange in) { return steps(key, 1, in); });
  for (int64_t v = 0; v < vectors; ++v)
    storeLanes(sums[v], s.sums, v);
}

/// Weights times values, `height` queries and up to four vectors of the result
/// at a time.
void Tile::emitResults(Index firstKey, Index count, Value isFirst,
                       Value isLast) {
  int64_t width = std::min<int64_t>(lanes, llvm::PowerOf2Ceil(g.valueSize));
  int64_t budget = k.target.vectorRegisters >= 32 ? 24 : 10;
  int64_t panel = std::min<int64_t>(llvm::divideCeil(g.valueSize, width),
                                    budget >= 24 ? 4 : 2);
  auto emitPanel = [&](Index column, int64_t panel, int64_t columns) {
    k.forRowTiles(valid, std::min<int64_t>(12, budget / panel),
                  [&](Index row, int64_t height) {
                    emitResultTile(firstKey, count, row, height, column, panel,
                                   columns, isFirst, isLast);
                  });
  };
  int64_t step = panel * width, whole = g.valueSize / step * step;
  k.forLoop(0, whole, step,
            [&](Index column) { emitPanel(column, panel, step); });
  if (int64_t rest = g.valueSize - whole)
    emitPanel(whole, llvm::divideCeil(rest, width), rest);
}

void Tile::emitResultTile(Index firstKey, Index count, Index row,
                          int64_t height, Index column, int64_t panel,
                          int64_t columns, Value isFirst, Value isLast) {
  int64_t width = std::min<int64_t>(lanes, llvm::PowerOf2Ceil(g.valueSize));
  auto valueAt =
      k.add(k.add(head.value, column), k.mul(firstKey, g.valuePitch));
  SmallVector<Value> sums(height * panel, k.splatF32(0.0, width));
  auto steps = [&](Index key, int64_t count, ValueRange in) {
    SmallVector<Value> sums(in);
    for (int64_t u = 0; u < count; ++u) {
      k.keepLoadsInOrder();
      Index at = k.add(valueAt, k.mul(key + u, g.valuePitch));
      SmallVector<Value> values;
      for (int64_t v = 0; v < panel; ++v)
        values.push_back(
            k.loadPartial(g.value, at + v * width, width, columns - v * width));
      Index weight = k.add(k.mul(key + u, this->width()), row);
      for (int64_t i = 0; i < height; ++i) {
        Value x = k.broadcast(k.load(s.weights, weight + i), width);
        for (int64_t v = 0; v < panel; ++v) {
          Value &sum = sums[i * panel + v];
          sum = k.fma(x, values[v], sum);
        }
      }
    }
    return sums;
  };
  constexpr int64_t kUnroll = 2;
  Index rest = k.mod(count, kUnroll), whole = k.sub(count, rest);
  sums = k.forLoop(0, whole, kUnroll, sums, [&](Index key, ValueRange in) {
    return steps(key, kUnroll, in);
  });
  sums = k.forLoop(whole, count, 1, sums,
                   [&](Index key, ValueRange in) { return steps(key, 1, in); });
  Index result = k.add(k.add(head.result, column),
                       k.mul(k.add(first, row), g.resultPitch));
  // What is added up: results, or what will be codes after the last block.
  Value sumsSoFar = s.results ? s.results : g.result;
  int64_t pitch = s.results ? g.valueSize : g.resultPitch;
  Index soFar = s.results ? k.add(column, k.mul(row, pitch)) : result;
  for (int64_t i = 0; i < height; ++i) {
    auto perQuery = [&](Value buffer) {
      return k.broadcast(k.load(buffer, row + i), width);
    };
    for (int64_t v = 0; v < panel; ++v) {
      Value &sum = sums[i * panel + v];
      if (isFirst) {
        // What was there before the first block is no number, maybe.
        Value old = k.loadPartial(sumsSoFar, soFar + (i * pitch + v * width),
                                  width, columns - v * width);
        old = arith::SelectOp::create(k.b, isFirst, k.splatF32(0.0, width),
                                      k.mulf(old, perQuery(s.factors)));
        sum = k.addf(old, sum);
      }
      sum = k.mulf(sum, perQuery(s.scales));
    }
  }
  auto store = [&](Value buffer, Index at, int64_t pitch, UniformAttr quant) {
    for (int64_t i = 0; i < height; ++i)
      for (int64_t v = 0; v < panel; ++v) {
        Value sum = sums[i * panel + v];
        k.storePartial(quant ? k.quantize(sum, quant) : sum, buffer,
                       at + (i * pitch + v * width), columns - v * width);
      }
  };
  UniformAttr quant = op.getOutputQuantAttr();
  if (!s.results)
    return store(g.result, result, g.resultPitch, quant);
  k.ifThen(isLast, [&] { store(g.result, result, g.resultPitch, quant); });
  Value isMore = arith::XOrIOp::create(k.b, isLast, k.integer(1, 1));
  k.ifThen(isMore, [&] { store(s.results, soFar, pitch, UniformAttr()); });
}
