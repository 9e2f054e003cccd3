//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Float kernels on u8 activations: codes to reals and back, in registers.
//
//   real = scale * (code - zero_point)
//   code = saturate(round(real / scale) + zero_point)
//
// Rounding without a rounding instruction: for |t| < 2^22 the sum t + 1.5 *
// 2^23 lies where the spacing of f32 is exactly 1, so the addition itself
// rounds t, half to even, into the low bits of the mantissa. Those, reread as
// an integer and less the bits of 1.5 * 2^23 (0x4B400000), are round(t). With
// the zero point in that last constant, a vector costs max, min, fma, add and a
// narrowing store, on every CPU.
//
//===----------------------------------------------------------------------===//

#include "ElementType.h"

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace mpq;

static Value makeLike(KernelBuilder &k, Value like, TypedAttr scalar) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return k.constant(DenseElementsAttr::get(vector.clone(scalar.getType()),
                                             Attribute(scalar)));
  return k.constant(scalar);
}

Value KernelBuilder::dequantize(Value codes, UniformAttr quant) {
  Type i32 = withElement(codes.getType(), b.getI32Type());
  Value wide = arith::ExtUIOp::create(b, i32, codes);
  if (int64_t zeroPoint = quant.getZeroPoint())
    wide = arith::SubIOp::create(
        b, wide, makeLike(*this, wide, b.getI32IntegerAttr(zeroPoint)));
  Value reals = arith::SIToFPOp::create(
      b, withElement(codes.getType(), b.getF32Type()), wide);
  return mulf(reals, makeLike(*this, reals,
                              b.getF32FloatAttr(float(quant.getScale()))));
}

Value KernelBuilder::quantize(Value value, UniformAttr quant, RangeAttr range) {
  constexpr double kMagic = 12582912.0; // 1.5 * 2^23
  constexpr int32_t kMagicBits = 0x4B400000;
  float scale = float(quant.getScale());
  int64_t zeroPoint = quant.getZeroPoint(), largest = quant.getMaxCode();
  double infinity = std::numeric_limits<double>::infinity();
  // Saturation and the clamp of the op are one pair of bounds.
  double low = std::max(double(-zeroPoint) * scale,
                        range ? range.getMin().value : -infinity);
  double high = std::min(double(largest - zeroPoint) * scale,
                         range ? range.getMax().value : infinity);
  // A clamp beyond what codes can hold leaves one code.
  low = std::min(low, double(largest - zeroPoint) * scale);
  high = std::max(high, low);
  value = minf(maxf(value, low), high);
  Value rounded =
      fma(value, makeLike(*this, value, b.getF32FloatAttr(1.0f / scale)),
          makeLike(*this, value, b.getF32FloatAttr(float(kMagic))));
  Value bits = arith::BitcastOp::create(
      b, withElement(value.getType(), b.getI32Type()), rounded);
  Value code = arith::AddIOp::create(
      b, bits,
      makeLike(*this, bits,
               b.getI32IntegerAttr(int32_t(zeroPoint) - kMagicBits)));
  return arith::TruncIOp::create(b, withElement(value.getType(), b.getI8Type()),
                                 code);
}

Value KernelBuilder::loadReals(const Activation &from, Index at,
                               int64_t lanes) {
  Value elements = loadVector(from.buffer, at, lanes);
  return from.quant ? dequantize(elements, from.quant) : elements;
}

void KernelBuilder::storeReals(Value reals, const Activation &to, Index at,
                               RangeAttr range) {
  storeVector(to.quant ? quantize(reals, to.quant, range) : clamp(reals, range),
              to.buffer, at);
}

Value KernelBuilder::makeCodeTable(UniformAttr quant) {
  if (!quant)
    return {};
  constexpr int64_t kCodes = 256, kLanes = 16;
  Value table = stackBuffer(b.getF32Type(), kCodes);
  SmallVector<int32_t> first(kLanes);
  for (int64_t i = 0; i < kLanes; ++i)
    first[i] = int32_t(i - quant.getZeroPoint());
  Value steps = constant(DenseElementsAttr::get(
      VectorType::get(kLanes, b.getI32Type()), ArrayRef(first)));
  forLoop(0, kCodes, kLanes, [&](Index i) {
    Value start = arith::IndexCastOp::create(b, b.getI32Type(), value(i));
    Value codes = arith::AddIOp::create(b, broadcast(start, kLanes), steps);
    Value reals = arith::SIToFPOp::create(
        b, VectorType::get(kLanes, b.getF32Type()), codes);
    storeVector(mulf(reals, splatF32(float(quant.getScale()), kLanes)), table,
                i);
  });
  return table;
}

Value KernelBuilder::broadcastReal(const Activation &from, Index at,
                                   int64_t lanes, Value codeTable) {
  Value element = load(from.buffer, at);
  if (from.quant) {
    Value code = arith::IndexCastUIOp::create(b, b.getIndexType(), element);
    element = load(codeTable, Index(code));
  }
  return broadcast(element, lanes);
}

std::string mpq::checkStaticQuantization(
    ArrayRef<std::pair<StringRef, UniformAttr>> activations) {
  for (auto [name, quant] : activations)
    if (quant && quant.isDynamic())
      return (name + " is quantized dynamically").str();
  return {};
}
