//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// IntegerAttention.h, formula by formula.
//
//===----------------------------------------------------------------------===//

#include "IntegerRow.h"

#include "mpq/Kernel/IntegerAttention.h"
#include "mpq/Kernel/SymmetricQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

namespace {

/// One query; names are those of the formulas.
class Row {
public:
  Row(KernelBuilder &k, AttentionOp op, const AttentionGeometry &g, Index batch,
      Index head, Index row)
      : k(k), op(op), g(g),
        query(k.add(g.queryAt(k, batch, head), k.mul(row, g.queryPitch))),
        keys(g.keyAt(k, batch, head)), values(g.valueAt(k, batch, head)),
        result(k.add(g.resultAt(k, batch, head), k.mul(row, g.resultPitch))),
        mask(k.add(k.mul(head, g.maskHeadPitch), k.mul(row, g.maskRowPitch))),
        end(op.getCausal() ? k.min(row + 1, g.keys) : g.keys),
        a(buffer(kAttentionBlock)), u(buffer(kAttentionBlock)),
        y(buffer(g.valueSize)) {}

  void emit();

private:
  Value buffer(int64_t count) {
    return k.stackBuffer(k.b.getF32Type(), count);
  }
  SymmetricScale scaleOf(Value buffer, Index at, int64_t count);
  Value code(Value buffer, Index at, const SymmetricScale &scale) {
    return roundToInteger(k, k.mulf(k.load(buffer, at), scale.inverse));
  }
  Value score(Index t, const SymmetricScale &queryScale);
  SmallVector<Value> emitBlock(Index first, Value m, Value l,
                               const SymmetricScale &queryScale);
  void addValues(Index first, Index count, Value f, Value largest);

  KernelBuilder &k;
  AttentionOp op;
  const AttentionGeometry &g;
  Index query, keys, values, result, mask, end;
  /// Of a block: scores, weights; the result so far.
  Value a, u, y;
};

} // namespace

SymmetricScale Row::scaleOf(Value buffer, Index at, int64_t count) {
  Value largest =
      k.forLoop(0, count, 1, k.f32(0.0), [&](Index i, ValueRange in) {
        return SmallVector<Value>{
            includeMagnitude(k, k.load(buffer, k.add(at, i)), in[0])};
      })[0];
  return SymmetricScale(k, largest, kSignedLevels);
}

Value Row::score(Index t, const SymmetricScale &queryScale) {
  Index key = k.add(keys, k.mul(t, g.keyPitch));
  SymmetricScale keyScale = scaleOf(g.key, key, g.headSize);
  Value dot = k.forLoop(
      0, g.headSize, 1, k.integer(32, 0), [&](Index d, ValueRange in) {
        Value product = arith::MulIOp::create(
            k.b, code(g.query, k.add(query, d), queryScale),
            code(g.key, k.add(key, d), keyScale));
        return SmallVector<Value>{arith::AddIOp::create(k.b, in[0], product)};
      })[0];
  Value factor = k.mulf(queryScale.scale,
                        k.f32(op.getScale().convertToFloat() * kLog2E));
  Value score = k.mulf(k.mulf(emitReal(k, dot), factor), keyScale.scale);
  if (!g.mask)
    return score;
  Value added = k.mulf(k.load(g.mask, k.add(mask, t)), k.f32(kLog2E));
  return k.addf(score, k.maxf(added, kLowestMask));
}

/// Adds the block that begins with key `first`; returns m and l.
SmallVector<Value> Row::emitBlock(Index first, Value m, Value l,
                                  const SymmetricScale &queryScale) {
  Index count = k.min(k.sub(end, first), kAttentionBlock);
  Value max = k.forLoop(0, count, 1, m, [&](Index t, ValueRange in) {
    Value score = this->score(k.add(first, t), queryScale);
    k.store(score, a, t);
    return SmallVector<Value>{emitLarger(k, score, in[0])};
  })[0];
  Value f = emitRoughPower(k, arith::SubFOp::create(k.b, m, max));
  auto sums = k.forLoop(
      0, count, 1, {k.mulf(l, f), k.f32(0.0)}, [&](Index t, ValueRange in) {
        Value p = emitRoughPower(
            k, arith::SubFOp::create(k.b, k.load(a, t), max));
        Index value = k.add(values, k.mul(k.add(first, t), g.valuePitch));
        Value weight = k.mulf(p, scaleOf(g.value, value, g.valueSize).scale);
        k.store(weight, u, t);
        return SmallVector<Value>{k.addf(in[0], p),
                                  emitLarger(k, weight, in[1])};
      });
  addValues(first, count, f, sums[1]);
  return {max, sums[0]};
}

void Row::addValues(Index first, Index count, Value f, Value largest) {
  SymmetricScale weightScale(k, largest, kUnsignedLevels);
  k.forLoop(0, g.valueSize, 1, [&](Index d) {
    Value sum = k.forLoop(
        0, count, 1, k.integer(32, 0), [&](Index t, ValueRange in) {
          Index value = k.add(values, k.mul(k.add(first, t), g.valuePitch));
          SymmetricScale scale = scaleOf(g.value, value, g.valueSize);
          Value product = arith::MulIOp::create(
              k.b, code(u, t, weightScale),
              code(g.value, k.add(value, d), scale));
          return SmallVector<Value>{
              arith::AddIOp::create(k.b, in[0], product)};
        })[0];
    Value added = k.mulf(emitReal(k, sum), weightScale.scale);
    k.store(k.addf(k.mulf(k.load(y, d), f), added), y, d);
  });
}

void Row::emit() {
  SymmetricScale queryScale = scaleOf(g.query, query, g.headSize);
  k.forLoop(0, g.valueSize, 1, [&](Index d) { k.store(k.f32(0.0), y, d); });
  SmallVector<Value> state = k.forLoop(
      0, end, kAttentionBlock, {k.f32(kLowestScore), k.f32(0.0)},
      [&](Index first, ValueRange in) {
        return emitBlock(first, in[0], in[1], queryScale);
      });
  Value inverse = arith::DivFOp::create(k.b, k.f32(1.0), state[1]);
  UniformAttr quant = op.getOutputQuantAttr();
  k.forLoop(0, g.valueSize, 1, [&](Index d) {
    Value value = k.mulf(k.load(y, d), inverse);
    k.store(quant ? k.quantize(value, quant) : value, g.result,
            k.add(result, d));
  });
}

void reference::emitIntegerRow(KernelBuilder &k, AttentionOp op,
                               const AttentionGeometry &g, Index batch,
                               Index head, Index row) {
  Row(k, op, g, batch, head, row).emit();
}
