//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// LayerNorm and RMSNorm of rows in vectors. A row of up to `kInRegisters`
// vectors is loaded once and stays in registers for all passes (mean, variance,
// result); a longer one is read again from the cache. The variance is that of
// the differences from the mean, not a difference of sums. Sums run in
// `kChains` interleaved partial sums, whatever the CPU, so that the latency of
// additions is hidden.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/RowFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kInRegisters = 8, kChains = 4;

class NormalizeEmitter {
public:
  NormalizeEmitter(KernelBuilder &k, NormalizeOp op, ValueRange operands)
      : k(k), op(op), lanes(k.target.lanes()),
        columns(cast<ShapedType>(operands[0].getType()).getShape().back()),
        rows(k.rows(operands[0])), quant(op.getOutputQuantAttr()) {
    NormalizeOp::Adaptor adaptor(operands, op);
    from = k.flatten(adaptor.getInput());
    to = k.flatten(adaptor.getInit());
    scale = adaptor.getScale();
    bias = adaptor.getBias();
  }

  void emit() {
    k.parallelFor(0, rows, 1, [&](Index row) { emitRow(k.mul(row, columns)); });
  }

private:
  int64_t vectors() const { return llvm::divideCeil(columns, lanes); }

  void emitRow(Index start) {
    SmallVector<Value> held;
    if (vectors() <= kInRegisters)
      for (int64_t v = 0; v < vectors(); ++v)
        held.push_back(load(from, start, v * lanes));
    auto element = [&](Index at) {
      if (held.empty())
        return load(from, start, at);
      return held[at.offset / lanes];
    };
    Value mean;
    if (op.getCentered()) {
      Value sum = sumOver(
          [&](Index at, Value sum) { return k.addf(sum, element(at)); });
      mean = k.broadcast(k.mulf(sum, k.f32(1.0 / columns)), lanes);
    }
    auto centered = [&](Index at) {
      Value x = element(at);
      if (!mean)
        return x;
      x = arith::SubFOp::create(k.b, x, mean);
      return isTail(at)
                 ? Value(arith::SelectOp::create(k.b,
                                                 k.mask(lanes, columns % lanes),
                                                 x, k.splatF32(0.0, lanes)))
                 : x;
    };
    Value squares = sumOver([&](Index at, Value sum) {
      Value x = centered(at);
      return k.fma(x, x, sum);
    });
    Value variance = k.addf(k.mulf(squares, k.f32(1.0 / columns)),
                            k.f32(op.getEpsilon().convertToFloat()));
    Value deviation = math::SqrtOp::create(k.b, variance);
    Value factor =
        k.broadcast(arith::DivFOp::create(k.b, k.f32(1.0), deviation), lanes);
    forEachAt([&](Index at) {
      Value y = k.mulf(centered(at), factor);
      if (scale && bias)
        y = k.fma(y, load(scale, 0, at), load(bias, 0, at));
      else if (scale)
        y = k.mulf(y, load(scale, 0, at));
      else if (bias)
        y = k.addf(y, load(bias, 0, at));
      if (quant)
        y = k.quantize(y, quant);
      if (isTail(at))
        k.storePartial(y, to, k.add(start, at), columns % lanes);
      else
        k.storeVector(y, to, k.add(start, at));
    });
  }

  /// The last vector is emitted apart, at a constant, if it is not whole.
  bool isTail(Index at) const {
    return at.isConstant() && at.offset + lanes > columns;
  }

  Value load(Value buffer, Index start, Index at) {
    return isTail(at)
               ? k.loadPartial(buffer, k.add(start, at), lanes, columns % lanes)
               : k.loadVector(buffer, k.add(start, at), lanes);
  }

  /// Calls `body` for each vector of a row: at constants if the row is held in
  /// registers.
  void forEachAt(function_ref<void(Index)> body) {
    int64_t whole = columns / lanes * lanes;
    if (vectors() <= kInRegisters)
      for (int64_t at = 0; at < whole; at += lanes)
        body(at);
    else
      k.forLoop(0, whole, lanes, body);
    if (whole < columns)
      body(whole);
  }

  /// The sum over all lanes; elements behind the row are zero.
  Value sumOver(function_ref<Value(Index at, Value sum)> add) {
    SmallVector<Value> sums(kChains, k.splatF32(0.0, lanes));
    int64_t step = kChains * lanes, whole = columns / step * step;
    if (vectors() <= kInRegisters)
      whole = 0;
    sums = k.forLoop(0, whole, step, sums, [&](Index at, ValueRange in) {
      SmallVector<Value> next(in);
      for (int64_t chain = 0; chain < kChains; ++chain)
        next[chain] = add(at + chain * lanes, next[chain]);
      return next;
    });
    for (int64_t at = whole; at < columns; at += lanes) {
      Value &sum = sums[at / lanes % kChains];
      sum = add(at, sum);
    }
    Value sum = k.addf(k.addf(sums[0], sums[1]), k.addf(sums[2], sums[3]));
    return k.reduceLanes(sum, [&](Value a, Value b) { return k.addf(a, b); });
  }

  KernelBuilder &k;
  NormalizeOp op;
  int64_t lanes, columns;
  Index rows;
  /// Of the result; null for floats.
  UniformAttr quant;
  Value from, to, scale, bias;
};

class Normalize final : public RowFamily<NormalizeOp> {
public:
  StringRef getName() const override { return "normalize"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    NormalizeEmitter(k, cast<NormalizeOp>(op), operands).emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyNormalize(DialectRegistry &) {
  Registry<KernelFamily>::get().add("normalize", std::make_unique<Normalize>());
}
} // namespace mpq
