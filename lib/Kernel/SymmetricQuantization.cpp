//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Symmetric scales, rounding and powers for codes, as IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/SymmetricQuantization.h"

#include "ElementType.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mpq;

/// `value` in every lane of something like `like`.
static Value real(KernelBuilder &k, Value like, double value) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return k.splatF32(value, vector.getNumElements());
  return k.f32(value);
}

static Value integer(KernelBuilder &k, Value like, int32_t value) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return k.splatInteger(32, value, vector.getNumElements());
  return k.integer(32, value);
}

SymmetricScale::SymmetricScale(KernelBuilder &k, Value largest, double levels) {
  // The quotient of the levels and a normal number is finite.
  Value least = real(k, largest, std::numeric_limits<float>::min());
  Value normal = arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGE, largest,
                                       least);
  Value zero = real(k, largest, 0.0), all = real(k, largest, levels);
  scale = arith::SelectOp::create(
      k.b, normal, arith::DivFOp::create(k.b, largest, all), zero);
  inverse = arith::SelectOp::create(
      k.b, normal, arith::DivFOp::create(k.b, all, largest), zero);
}

Value mpq::emitLarger(KernelBuilder &k, Value a, Value b) {
  Value isLarger =
      arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(k.b, isLarger, a, b);
}

Value mpq::includeMagnitude(KernelBuilder &k, Value x, Value largest) {
  return emitLarger(k, math::AbsFOp::create(k.b, x), largest);
}

Value mpq::roundToInteger(KernelBuilder &k, Value x) {
  // As in QuantizedReals.cpp: the sum rounds, into the low bits.
  constexpr double kMagic = 12582912.0; // 1.5 * 2^23
  constexpr int32_t kMagicBits = 0x4B400000;
  Value bits = arith::BitcastOp::create(
      k.b, withElement(x.getType(), k.b.getI32Type()),
      k.addf(x, real(k, x, kMagic)));
  return arith::SubIOp::create(k.b, bits, integer(k, x, kMagicBits));
}

Value mpq::emitReal(KernelBuilder &k, Value integers) {
  return arith::SIToFPOp::create(
      k.b, withElement(integers.getType(), k.b.getF32Type()), integers);
}

Value mpq::emitRoughPower(KernelBuilder &k, Value x) {
  // RowArithmetic.cpp explains the steps; the polynomial, of least largest
  // relative error among those that are 1 at 0, has the degree 3.
  Value least = real(k, x, -127.0), magic = real(k, x, 12582912.0 + 127);
  x = emitLarger(k, least, x);
  Value z = k.addf(x, magic);
  Value fraction =
      arith::SubFOp::create(k.b, x, arith::SubFOp::create(k.b, z, magic));
  Type bits = withElement(x.getType(), k.b.getI32Type());
  Value shifted =
      arith::ShLIOp::create(k.b, arith::BitcastOp::create(k.b, bits, z),
                            integer(k, x, 23));
  Value power = arith::BitcastOp::create(k.b, x.getType(), shifted);
  Value p = real(k, x, 0.05500893294811249);
  for (double coefficient : {0.24221095442771912, 0.6932829022407532, 1.0})
    p = k.addf(k.mulf(p, fraction), real(k, x, coefficient));
  return k.mulf(p, power);
}
