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

static constexpr double kMaxCode = 255.0;

DynamicQuantization::DynamicQuantization(KernelBuilder &k, Value min,
                                         Value max) {
  Value low = k.minf(min, 0.0);
  Value high = k.maxf(max, 0.0);
  Value step = arith::DivFOp::create(k.b, arith::SubFOp::create(k.b, high, low),
                                     k.f32(kMaxCode));
  // The reciprocal of a normal number is finite.
  Value normal =
      arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGE, step,
                            k.f32(std::numeric_limits<float>::min()));
  scale = arith::SelectOp::create(k.b, normal, step, k.f32(1.0));
  inverse = arith::DivFOp::create(k.b, k.f32(1.0), scale);
  Value zero = math::RoundEvenOp::create(
      k.b, k.mulf(arith::NegFOp::create(k.b, low), inverse));
  zeroPoint = k.minf(k.maxf(zero, 0.0), kMaxCode);
}

Value DynamicQuantization::matching(KernelBuilder &k, Value scalar,
                                    Value like) {
  auto type = dyn_cast<VectorType>(like.getType());
  return type ? k.broadcast(scalar, type.getNumElements()) : scalar;
}

/// round(x / scale) + zero point, saturated, still f32.
static Value emitCode(KernelBuilder &k, Value reals, Value inverse,
                      Value zeroPoint) {
  Value steps = math::RoundEvenOp::create(k.b, k.mulf(reals, inverse));
  return k.minf(k.maxf(k.addf(steps, zeroPoint), 0.0), kMaxCode);
}

Value DynamicQuantization::encode(KernelBuilder &k, Value reals) const {
  Value code = emitCode(k, reals, matching(k, inverse, reals),
                        matching(k, zeroPoint, reals));
  Type type = k.b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(reals.getType()))
    type = vector.clone(type);
  return arith::FPToSIOp::create(k.b, type, code);
}

Value DynamicQuantization::roundTrip(KernelBuilder &k, Value reals) const {
  Value zero = matching(k, zeroPoint, reals);
  Value code = emitCode(k, reals, matching(k, inverse, reals), zero);
  return k.mulf(arith::SubFOp::create(k.b, code, zero),
                matching(k, scale, reals));
}
