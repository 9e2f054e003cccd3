//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Scores, weights and results of a tile.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/AttentionInt8/Tile.h"

#include "mpq/Kernel/Elements.h"
#include "mpq/Kernel/SymmetricQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::attention_int8;
using namespace mpq::integer;

Tile::Tile(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g,
           const Shape &shape, const Scratch &scratch, bool hasKeyBias,
           const AttentionHead &head, Index first, Index column,
           int64_t vectors, Index valid)
    : k(k), op(op), g(g), shape(shape), s(scratch), hasKeyBias(hasKeyBias),
      head(head), first(first), column(column), vectors(vectors), valid(valid),
      lanes(shape.lanes) {}

Value Tile::loadLanes(Value buffer, int64_t vector, Index at) {
  return k.loadVector(buffer, at + vector * lanes, lanes);
}

void Tile::storeLanes(Value values, Value buffer, int64_t vector, Index at) {
  k.storeVector(values, buffer, at + vector * lanes);
}

void Tile::start() {
  for (int64_t v = 0; v < vectors; ++v) {
    storeLanes(k.splatF32(kLowestScore, lanes), s.maxima, v, column);
    storeLanes(k.splatF32(0.0, lanes), s.sums, v, column);
  }
  if (!shape.isMany)
    return;
  k.forLoop(k.mul(column, shape.padded),
            k.mul(k.add(column, valid), shape.padded), shape.features,
            [&](Index at) {
              k.storeVector(k.splatF32(0.0, shape.features), s.results, at);
            });
}

void Tile::emitBlock(Index firstKey, Index count) {
  // Scores are computed, and thrown away, of what fills the last step up.
  auto fill = [&](Index count) {
    return k.mul(k.floorDiv(count + (kStep - 1), kStep), kStep);
  };
  if (!op.getCausal())
    return emitKeys(firstKey, fill(count));
  // No query of the tile looks at keys behind its last one.
  Index end = k.add(k.add(first, column), valid);
  if (!shape.isMany)
    return emitKeys(firstKey, fill(k.min(end, count)));
  Value isSeen = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ult,
                                       k.value(firstKey), k.value(end));
  k.ifThen(isSeen, [&] {
    emitKeys(firstKey, fill(k.min(k.sub(end, firstKey), count)));
  });
}

void Tile::emitKeys(Index firstKey, Index count) {
  SmallVector<Value> before;
  for (int64_t v = 0; shape.isMany && v < vectors; ++v)
    before.push_back(loadLanes(s.maxima, v, column));
  if (g.mask && g.maskHasRows())
    packMask(firstKey, count);
  int64_t most = k.target.vectorRegisters >= 32 ? 8 : 4;
  Index whole = k.mul(k.floorDiv(count, most), most);
  k.forLoop(0, whole, most,
            [&](Index key) { emitScores(firstKey, key, most); });
  k.forLoop(whole, count, kStep,
            [&](Index key) { emitScores(firstKey, key, kStep); });
  for (auto [v, old] : llvm::enumerate(before)) {
    Value change =
        arith::SubFOp::create(k.b, old, loadLanes(s.maxima, v, column));
    storeLanes(emitRoughPower(k, change), s.factors, v);
  }
  emitWeights(count);
  if (!shape.isMany)
    emitInverseSums();
  emitResults(count);
}

/// A mask that differs between queries, transposed like them to where the
/// scores will be.
void Tile::packMask(Index firstKey, Index count) {
  SmallVector<Index> starts;
  for (int64_t row = 0; row < shape.width(); ++row) {
    Index query = k.add(k.add(first, column), k.min(row, k.sub(valid, 1)));
    starts.push_back(
        k.add(k.add(head.mask, k.mul(query, g.maskRowPitch)), firstKey));
  }
  Index left = k.sub(g.keys, firstKey);
  k.forLoop(0, count, kStep, [&](Index key) {
    // A mask ends with the keys, not with a step.
    Index present = k.min(k.sub(left, key), kStep);
    for (int64_t v = 0; v < vectors; ++v) {
      auto columns = transposeStrip(k, lanes, [&](int64_t row) {
        return k.loadPartial(g.mask, k.add(starts[v * lanes + row], key), kStep,
                             present);
      });
      for (int64_t i = 0; i < kStep; ++i) {
        Value mask = k.mulf(columns[i], k.splatF32(kLog2E, lanes));
        storeLanes(k.maxf(mask, kLowestMask), s.scores, v,
                   k.mul(key + i, shape.width()));
      }
    }
  });
}

/// The scores of `height` keys from `key` of the block on.
void Tile::emitScores(Index firstKey, Index key, int64_t height) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < height; ++i)
    for (int64_t v = 0; v < vectors; ++v)
      sums.push_back(loadLanes(s.queries.sums, v, column));
  auto steps = [&](Index d, int64_t count, ValueRange in) {
    SmallVector<Value> sums(in);
    for (int64_t u = 0; u < count; ++u) {
      k.keepLoadsInOrder();
      SmallVector<Value> queries;
      for (int64_t v = 0; v < vectors; ++v)
        queries.push_back(loadLanes(
            s.queries.codes, v, k.add(k.mul(d + u, s.queries.pitch), column)));
      Index at = k.add(k.mul(d + u, s.keys.pitch), key);
      for (int64_t i = 0; i < height; ++i) {
        Value codes = k.broadcast(k.load(s.keys.codes, at + i), lanes);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = sums[i * vectors + v];
          sum = emitDot(k, sum, codes, queries[v]);
        }
      }
    }
    return sums;
  };
  // A sum of products without an instruction for it is long already.
  int64_t unroll = hasDots(k.target) ? 4 : 1;
  int64_t whole = shape.steps / unroll * unroll;
  sums = k.forLoop(0, whole, unroll, sums, [&](Index d, ValueRange in) {
    return steps(d, unroll, in);
  });
  sums = steps(whole, shape.steps - whole, sums);
  for (int64_t v = 0; v < vectors; ++v) {
    Value max = loadLanes(s.maxima, v, column);
    Value scale = loadLanes(s.queries.scales, v, column);
    for (int64_t i = 0; i < height; ++i) {
      Value score =
          finishScore(sums[i * vectors + v], firstKey, key + i, v, scale);
      storeLanes(score, s.scores, v, k.mul(key + i, shape.width()));
      max = emitLarger(k, score, max);
    }
    storeLanes(max, s.maxima, v, column);
  }
}

Value Tile::finishScore(Value sum, Index firstKey, Index key, int64_t vector,
                        Value scale) {
  auto ofKey = [&](Value buffer) {
    return k.broadcast(k.load(buffer, key), lanes);
  };
  Value score = k.mulf(k.mulf(emitReal(k, sum), scale), ofKey(s.keys.scales));
  if (g.mask && g.maskHasRows())
    score = k.addf(score,
                   loadLanes(s.scores, vector, k.mul(key, shape.width())));
  if (hasKeyBias)
    score = k.addf(score, ofKey(s.keyBias));
  return op.getCausal()
             ? maskFuture(k, score, k.add(firstKey, key), k.add(first, column),
                          vector * lanes, kFutureScore)
             : score;
}

/// Scores become weights, `count` of them, a multiple of a step.
void Tile::emitWeights(Index count) {
  SmallVector<Value> max, state;
  for (int64_t v = 0; v < vectors; ++v) {
    max.push_back(loadLanes(s.maxima, v, column));
    Value sum = loadLanes(s.sums, v, column);
    if (shape.isMany)
      sum = k.mulf(sum, loadLanes(s.factors, v));
    state.push_back(sum);
    state.push_back(k.splatF32(0.0, lanes));
  }
  state = k.forLoop(0, count, kStep, state, [&](Index key, ValueRange in) {
    SmallVector<Value> next(in);
    for (int64_t i = 0; i < kStep; ++i) {
      Value scale = k.broadcast(k.load(s.valueScales, key + i), lanes);
      for (int64_t v = 0; v < vectors; ++v) {
        Index at = k.mul(key + i, shape.width());
        Value score = loadLanes(s.scores, v, at);
        Value power =
            emitRoughPower(k, arith::SubFOp::create(k.b, score, max[v]));
        Value &sum = next[2 * v], &largest = next[2 * v + 1];
        sum = k.addf(sum, power);
        Value weight = k.mulf(power, scale);
        largest = emitLarger(k, weight, largest);
        storeLanes(weight, s.scores, v, at);
      }
    }
    return next;
  });
  SmallVector<Value> inverses;
  for (int64_t v = 0; v < vectors; ++v) {
    storeLanes(state[2 * v], s.sums, v, column);
    SymmetricScale scale(k, state[2 * v + 1], kUnsignedLevels);
    storeLanes(scale.scale, s.weightScales, v);
    inverses.push_back(scale.inverse);
  }
  emitCodes(count, inverses);
}

/// Weights become codes, four keys of a query in one lane.
void Tile::emitCodes(Index count, ArrayRef<Value> inverses) {
  k.forLoop(0, count, kStep, [&](Index key) {
    Index to = k.mul(k.floorDiv(key, kStep), shape.width());
    for (int64_t v = 0; v < vectors; ++v) {
      SmallVector<Value, 4> codes;
      for (int64_t i = 0; i < kStep; ++i) {
        Value weight = loadLanes(s.scores, v, k.mul(key + i, shape.width()));
        codes.push_back(roundToInteger(k, k.mulf(weight, inverses[v])));
      }
      storeLanes(packCodes(k, codes, /*isSigned=*/false), s.weights, v, to);
    }
  });
}

void Tile::emitInverseSums() {
  for (int64_t v = 0; v < vectors; ++v)
    storeLanes(arith::DivFOp::create(k.b, k.splatF32(1.0, lanes),
                                     loadLanes(s.sums, v, column)),
               s.inverseSums, v);
}

/// Weights times values, some queries and up to four vectors of the result at a
/// time.
void Tile::emitResults(Index count) {
  bool hasMany = k.target.vectorRegisters >= 32;
  int64_t width = shape.features, budget = hasMany ? 24 : 8;
  int64_t panel = std::min<int64_t>(shape.padded / width, hasMany ? 4 : 2);
  auto emitPanel = [&](Index feature, int64_t panel, int64_t columns) {
    k.forRowTiles(valid, std::min<int64_t>(8, budget / panel),
                  [&](Index row, int64_t height) {
                    emitResultTile(count, row, height, feature, panel, columns);
                  });
  };
  int64_t step = panel * width, whole = g.valueSize / step * step;
  k.forLoop(0, whole, step,
            [&](Index feature) { emitPanel(feature, panel, step); });
  if (int64_t rest = g.valueSize - whole)
    emitPanel(whole, llvm::divideCeil(rest, width), rest);
}

void Tile::emitResultTile(Index count, Index row, int64_t height, Index feature,
                          int64_t panel, int64_t columns) {
  int64_t width = shape.features;
  SmallVector<Value> sums(height * panel, k.splatInteger(32, 0, width));
  auto step = [&](Index step, ValueRange in) {
    SmallVector<Value> sums(in);
    k.keepLoadsInOrder();
    Index at = k.add(k.mul(step, shape.padded), feature);
    SmallVector<Value> values;
    for (int64_t v = 0; v < panel; ++v)
      values.push_back(k.loadVector(s.values, at + v * width, width));
    Index from = k.add(k.mul(step, shape.width()), row);
    for (int64_t i = 0; i < height; ++i) {
      Value weights = k.broadcast(k.load(s.weights, from + i), width);
      for (int64_t v = 0; v < panel; ++v) {
        Value &sum = sums[i * panel + v];
        sum = emitDot(k, sum, weights, values[v]);
      }
    }
    return sums;
  };
  sums = k.forLoop(0, k.floorDiv(count, kStep), 1, sums, step);
  for (int64_t i = 0; i < height; ++i) {
    auto ofQuery = [&](Value buffer) {
      return k.broadcast(k.load(buffer, row + i), width);
    };
    for (int64_t v = 0; v < panel; ++v) {
      Value result =
          k.mulf(emitReal(k, sums[i * panel + v]), ofQuery(s.weightScales));
      if (!shape.isMany) {
        store(k.mulf(result, ofQuery(s.inverseSums)), row + i,
              feature + v * width, columns - v * width);
        continue;
      }
      Index at = k.add(k.mul(k.add(column, row + i), shape.padded),
                       feature + v * width);
      Value old =
          k.mulf(k.loadVector(s.results, at, width), ofQuery(s.factors));
      k.storeVector(k.addf(old, result), s.results, at);
    }
  }
}

void Tile::finish() {
  emitInverseSums();
  int64_t width = shape.features, whole = g.valueSize / width * width;
  k.forLoop(0, valid, 1, [&](Index row) {
    Index from = k.mul(k.add(column, row), shape.padded);
    Value factor = k.broadcast(k.load(s.inverseSums, row), width);
    auto emit = [&](Index feature, int64_t columns) {
      Value result = k.loadVector(s.results, k.add(from, feature), width);
      store(k.mulf(result, factor), row, feature, columns);
    };
    k.forLoop(0, whole, width, [&](Index feature) { emit(feature, width); });
    if (whole < g.valueSize)
      emit(whole, g.valueSize - whole);
  });
}

void Tile::store(Value result, Index row, Index feature, int64_t columns) {
  Index query = k.add(k.add(first, column), row);
  Index to = k.add(k.add(head.result, feature), k.mul(query, g.resultPitch));
  if (UniformAttr quant = op.getOutputQuantAttr())
    result = k.quantize(result, quant);
  k.storePartial(result, g.result, to, columns);
}
