//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Scales from data, as IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/DynamicQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mpq;

DynamicQuantization::DynamicQuantization(KernelBuilder &k, UniformAttr quant,
                                         Value min, Value max)
    : largest(quant.getMaxCode()) {
  Value low = k.minf(min, 0.0), high = k.maxf(max, 0.0);
  if (quant.isGrouped()) {
    double middle = quant.getMiddle();
    Value most =
        arith::MaxNumFOp::create(k.b, arith::NegFOp::create(k.b, low), high);
    setScale(k, arith::DivFOp::create(k.b, most, k.f32(largest - middle)));
    zeroPoint = k.f32(middle);
    return;
  }
  setScale(k, arith::DivFOp::create(k.b, arith::SubFOp::create(k.b, high, low),
                                    k.f32(largest)));
  Value zero = math::RoundEvenOp::create(
      k.b, k.mulf(arith::NegFOp::create(k.b, low), inverse));
  zeroPoint = k.minf(k.maxf(zero, 0.0), largest);
}

void DynamicQuantization::setScale(KernelBuilder &k, Value step) {
  // The reciprocal of a normal number is finite.
  Value normal =
      arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGE, step,
                            k.f32(std::numeric_limits<float>::min()));
  scale = arith::SelectOp::create(k.b, normal, step, k.f32(1.0));
  inverse = arith::DivFOp::create(k.b, k.f32(1.0), scale);
}

Value DynamicQuantization::matching(KernelBuilder &k, Value scalar,
                                    Value like) {
  auto type = dyn_cast<VectorType>(like.getType());
  return type ? k.broadcast(scalar, type.getNumElements()) : scalar;
}

Value DynamicQuantization::emitCode(KernelBuilder &k, Value reals) const {
  Value steps = math::RoundEvenOp::create(
      k.b, k.mulf(reals, matching(k, inverse, reals)));
  Value code = k.addf(steps, matching(k, zeroPoint, reals));
  return k.minf(k.maxf(code, 0.0), largest);
}

Value DynamicQuantization::encode(KernelBuilder &k, Value reals) const {
  Type type = k.b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(reals.getType()))
    type = vector.clone(type);
  return arith::FPToSIOp::create(k.b, type, emitCode(k, reals));
}

Value DynamicQuantization::roundTrip(KernelBuilder &k, Value reals) const {
  Value level = arith::SubFOp::create(k.b, emitCode(k, reals),
                                      matching(k, zeroPoint, reals));
  return k.mulf(level, matching(k, scale, reals));
}

/// Several chains of minima and maxima hide their latency.
DynamicQuantization DynamicQuantization::ofRow(KernelBuilder &k,
                                               UniformAttr quant, Value buffer,
                                               Index from, int64_t count) {
  constexpr int64_t kLanes = 16, kChains = 4, kStride = kChains * kLanes;
  auto extreme = [&](arith::CmpFPredicate better, Value a, Value b) -> Value {
    Value isBetter = arith::CmpFOp::create(k.b, better, a, b);
    return arith::SelectOp::create(k.b, isBetter, a, b);
  };
  auto include = [&](MutableArrayRef<Value> ranges, Value x, int64_t chain) {
    Value &low = ranges[2 * chain], &high = ranges[2 * chain + 1];
    low = extreme(arith::CmpFPredicate::OLT, x, low);
    high = extreme(arith::CmpFPredicate::OGT, x, high);
  };
  // Zero is in every range.
  SmallVector<Value> ranges(2 * kChains, k.splatF32(0.0, kLanes));
  int64_t whole = count / kStride * kStride;
  ranges = k.forLoop(0, whole, kStride, ranges, [&](Index i, ValueRange v) {
    SmallVector<Value> next(v);
    for (int64_t chain = 0; chain < kChains; ++chain)
      include(next,
              k.loadVector(buffer, k.add(from, i) + chain * kLanes,
                           kLanes),
              chain);
    return next;
  });
  for (int64_t chain = 0; whole + chain * kLanes < count; ++chain) {
    int64_t at = whole + chain * kLanes;
    include(ranges,
            k.loadPartial(buffer, from + at, kLanes, count - at),
            chain);
  }
  for (int64_t chain = 1; chain < kChains; ++chain) {
    include(ranges, ranges[2 * chain], 0);
    include(ranges, ranges[2 * chain + 1], 0);
  }
  // In halves: vector.reduction goes from lane to lane.
  auto reduce = [&](arith::CmpFPredicate better, Value v) {
    return k.reduceLanes(
        v, [&](Value a, Value b) { return extreme(better, a, b); });
  };
  return DynamicQuantization(k, quant,
                             reduce(arith::CmpFPredicate::OLT, ranges[0]),
                             reduce(arith::CmpFPredicate::OGT, ranges[1]));
}
