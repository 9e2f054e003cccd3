//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes, and codes of queries, keys and values.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/AttentionInt8/Tile.h"

#include "mpq/Kernel/SymmetricQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::attention_int8;
using namespace mpq::integer;

/// What chunks are to stay below; heads whose other buffers take more get the
/// smallest chunk.
static constexpr int64_t kWantedBytes = 96 * 1024;
static constexpr int64_t kMaxChunk = 128;

static int64_t getRows(Value rows) {
  auto type = cast<ShapedType>(rows.getType());
  return type.getDimSize(type.getRank() - 2);
}

Shape::Shape(AttentionOp op, const KernelTarget &target)
    : lanes(getLanes(target)) {
  int64_t valueSize = op.getValueSize();
  // Half a vector is enough for the features of small heads.
  features = lanes == 16 && valueSize <= 8 ? 8 : lanes;
  padded = llvm::alignTo(valueSize, features);
  steps = llvm::divideCeil(op.getHeadSize(), kStep);
  int64_t keys = getRows(op.getKey()), queries = getRows(op.getQuery());
  isMany = ShapedType::isDynamic(keys) || keys > kAttentionBlock;
  int64_t most = kMaxChunk;
  if (!ShapedType::isDynamic(queries))
    most = std::min(most, int64_t(llvm::alignTo(queries, width())));
  chunk = width();
  while (chunk + width() <= most &&
         fixedBytes() + (chunk + width()) * bytesPerQuery() <= kWantedBytes)
    chunk += width();
}

int64_t Shape::fixedBytes() const {
  int64_t keys = kAttentionBlock * (steps + 4);
  int64_t values = kAttentionBlock / kStep * padded;
  int64_t tile = (kAttentionBlock + kAttentionBlock / kStep + 3) * width();
  return 4 * (keys + values + tile + lanes * steps * kStep);
}

int64_t Shape::bytesPerQuery() const {
  return 4 * (steps + 4 + (isMany ? padded : 0));
}

Scratch::Scratch(KernelBuilder &k, const Shape &shape,
                 const AttentionGeometry &g) {
  auto integers = [&](int64_t count) {
    return k.stackBuffer(k.b.getI32Type(), count);
  };
  auto reals = [&](int64_t count) {
    return k.stackBuffer(k.b.getF32Type(), count);
  };
  int64_t block = kAttentionBlock, width = shape.width();
  queries = {integers(shape.steps * shape.chunk), reals(shape.chunk),
             integers(shape.chunk), shape.chunk, /*isBiased=*/false};
  keys = {integers(shape.steps * block), reals(block), Value(), block,
          /*isBiased=*/true};
  values = integers(block / kStep * shape.padded);
  valueScales = reals(block);
  valueInverses = reals(block);
  keyBias = reals(block);
  strip = reals(shape.lanes * shape.steps * kStep);
  scores = reals(block * width);
  weights = integers(block / kStep * width);
  maxima = reals(shape.chunk);
  sums = reals(shape.chunk);
  if (shape.isMany)
    results = reals(shape.chunk * shape.padded);
  factors = reals(width);
  weightScales = reals(width);
  inverseSums = reals(width);
}

bool Operands::hasKeyBias() const {
  return (g.mask && !g.maskHasRows()) || !g.keys.isConstant() ||
         g.keys.offset % kStep;
}

/// The number of row `row` of `count`, or of the last one.
static Index clampRow(KernelBuilder &k, Index row, Index count) {
  return k.min(row, k.sub(count, 1));
}

void Operands::packRows(Value buffer, Index at, int64_t pitch, Index count,
                        int64_t chunk, double factor, const PackedRows &to) {
  int64_t lanes = shape.lanes;
  auto pack = [&](Index column) {
    SmallVector<Index> starts;
    for (int64_t i = 0; i < lanes; ++i)
      starts.push_back(
          k.add(at, k.mul(clampRow(k, column + i, count), pitch)));
    integer::packRows(k, buffer, starts, g.headSize, factor, to, column,
                      s.strip);
  };
  k.forLoop(0, count, lanes, pack);
}

void Operands::packQueries(const AttentionHead &head, Index first,
                           Index count) {
  double factor = op.getScale().convertToFloat() * kLog2E;
  packRows(g.query, k.add(head.query, k.mul(first, g.queryPitch)),
           g.queryPitch, count, shape.chunk, factor, s.queries);
}

void Operands::packKeys(const AttentionHead &head, Index first, Index count) {
  packRows(g.key, k.add(head.key, k.mul(first, g.keyPitch)), g.keyPitch, count,
           kAttentionBlock, 1.0, s.keys);
  Index values = k.add(head.value, k.mul(first, g.valuePitch));
  findValueScales(values, count);
  packValues(values, count);
}

/// The scales of the rows of values; zero for rows that do not exist.
void Operands::findValueScales(Index at, Index count) {
  int64_t lanes = shape.features;
  auto larger = [&](Value a, Value b) { return emitLarger(k, a, b); };
  Index end = k.mul(k.floorDiv(count + (shape.lanes - 1), shape.lanes),
                    shape.lanes);
  k.forLoop(0, end, 1, [&](Index row) {
    Index from = k.add(at, k.mul(clampRow(k, row, count), g.valuePitch));
    Value largest = k.splatF32(0.0, lanes);
    for (int64_t d = 0; d < g.valueSize; d += lanes)
      largest = includeMagnitude(
          k, k.loadPartial(g.value, from + d, lanes, g.valueSize - d), largest);
    Value all = k.reduceLanes(largest, larger);
    Value exists = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ult,
                                         k.value(row), k.value(count));
    k.store(arith::SelectOp::create(k.b, exists, all, k.f32(0.0)),
            s.valueScales, row);
  });
  k.forLoop(0, end, shape.lanes, [&](Index row) {
    SymmetricScale scale(k, k.loadVector(s.valueScales, row, shape.lanes),
                         kSignedLevels);
    k.storeVector(scale.scale, s.valueScales, row);
    k.storeVector(scale.inverse, s.valueInverses, row);
  });
}

/// Four rows at a time; those that do not exist are zeros, their scales being
/// zero.
void Operands::packValues(Index at, Index count) {
  int64_t lanes = shape.features;
  k.forLoop(0, count, kStep, [&](Index row) {
    SmallVector<Index, 4> starts;
    SmallVector<Value, 4> inverses;
    for (int64_t i = 0; i < kStep; ++i) {
      starts.push_back(
          k.add(at, k.mul(clampRow(k, row + i, count), g.valuePitch)));
      inverses.push_back(k.broadcast(k.load(s.valueInverses, row + i), lanes));
    }
    Index to = k.mul(k.floorDiv(row, kStep), shape.padded);
    auto pack = [&](Index d, int64_t columns) {
      SmallVector<Value, 4> codes;
      for (int64_t i = 0; i < kStep; ++i) {
        Value x = k.loadPartial(g.value, k.add(starts[i], d), lanes, columns);
        codes.push_back(roundToInteger(k, k.mulf(x, inverses[i])));
      }
      k.storeVector(packCodes(k, codes, /*isSigned=*/true), s.values,
                    k.add(to, d));
    };
    int64_t whole = g.valueSize / lanes * lanes;
    k.forLoop(0, whole, lanes, [&](Index d) { pack(d, lanes); });
    if (whole < g.valueSize)
      pack(whole, g.valueSize - whole);
  });
}

void Operands::packKeyBias(const AttentionHead &head, Index first,
                           Index count) {
  if (!hasKeyBias())
    return;
  int64_t lanes = shape.lanes;
  bool hasMask = g.mask && !g.maskHasRows();
  Index end = k.mul(k.floorDiv(count + (lanes - 1), lanes), lanes);
  k.forLoop(0, end, lanes, [&](Index key) {
    Index left = k.sub(count, key);
    Value bias = k.splatF32(0.0, lanes);
    if (hasMask) {
      bias = k.loadPartial(g.mask, k.add(k.add(head.mask, first), key), lanes,
                           k.min(left, lanes));
      bias = k.maxf(k.mulf(bias, k.splatF32(kLog2E, lanes)), kLowestMask);
    }
    bias = arith::SelectOp::create(k.b, k.mask(lanes, k.min(left, lanes)), bias,
                                   k.splatF32(kFutureScore, lanes));
    k.storeVector(bias, s.keyBias, key);
  });
}
