//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Half precision, in integers. (The compiler's own conversions become library
// calls without F16C, and overflow to infinity.)
//
//===----------------------------------------------------------------------===//
#include "mpq/Support/Quantization.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

using namespace mpq;

uint16_t mpq::toHalf(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000)
    return sign | 0x7bff; // 65520 and above would round to infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14: an integer multiple of 2^-24. The addition rounds to it.
    float shifted = llvm::bit_cast<float>(magnitude) + 0.5f;
    return sign | (llvm::bit_cast<uint32_t>(shifted) - 0x3f000000);
  }
  // Drop 13 bits, half to even, and move the exponent's bias from 127 to 15.
  magnitude += 0xfff + (magnitude >> 13 & 1);
  return sign | ((magnitude - (112u << 23)) >> 13);
}

float mpq::fromHalf(uint16_t bits) {
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  float magnitude;
  if (exponent == 31)
    magnitude = llvm::bit_cast<float>(0x7f800000 | mantissa << 13);
  else if (exponent == 0)
    magnitude = float(mantissa) * 0x1p-24f;
  else
    magnitude = llvm::bit_cast<float>((exponent + 112) << 23 | mantissa << 13);
  return bits & 0x8000 ? -magnitude : magnitude;
}

float mpq::roundScale(float scale, ScaleType type) {
  if (scale == 0 || std::isnan(scale))
    return scale;
  if (std::isinf(scale))
    scale = std::copysign(std::numeric_limits<float>::max(), scale);
  if (type == ScaleType::F32)
    return scale;
  uint16_t half = toHalf(scale);
  return fromHalf(half & 0x7fff ? half : half | 1);
}
