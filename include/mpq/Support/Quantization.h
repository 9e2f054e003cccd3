//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The arithmetic of uniform integer quantization: from floats to codes and
// back. Pure functions on arrays; whoever stores integer codes uses these.
//
// A vector of floats (a row of a weight matrix, or a group of it) shares one
// scale, and one zero point if asymmetric:
//
//     value = scale * (code - zeroPoint)       one f32 multiplication
//     code  = clamp(round(value / scale) + zeroPoint)
//
//                   codes                  zero point      scale
//     symmetric     -2^(b-1) .. 2^(b-1)-1  0               either sign
//     asymmetric    0 .. 2^b-1             0 .. 2^b-1      positive
//
// `round` is to nearest, half to even, of the exact quotient. (The f64 quotient
// of two f32 numbers is as good: a quotient that is not a tie differs from
// every tie by more than 2^-35 of itself, which f64 cannot round away.)
//
// The scale is rounded to its storage type before any code is computed, so that
// what is stored is what was used. Zero is always represented exactly.
//
// Why the sign of a symmetric scale is free. Two bits have the codes -2, -1, 0
// and 1. For the values (-.4, .5, 1) the scale .5 gives
//
//     codes (-1, 1, 1)    values (-.5, .5, .5)    squared error .26
//
// and -.5 gives, with the long side of the range where the large value is,
//
//     codes (1, -1, -2)   values (-.5, .5, 1)     squared error .01
//
// At two bits this decides between usable and not; at eight it hardly matters.
//
// Choosing the scale. `chooseMinMax` covers the data without clipping. Least
// squared error is better served by clipping: with few bits, halving the step
// of everything that is left is worth more than the largest values lose.
// `chooseLeastSquares` tries a hundred shrinking factors for either sign, then
// improves the best ones by alternating between codes and the scale that is
// best for them, <w, q> / <q, q>. It is never worse than min-max.
//
// All functions are total. Choosing looks at finite values only; infinities
// saturate; a NaN is encoded as zero. Whoever reads a model says so first.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_QUANTIZATION_H
#define MPQ_SUPPORT_QUANTIZATION_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace mpq {

/// How a scale is stored.
enum class ScaleType { F32, F16 };

/// IEEE binary16 from f32, to nearest even; overflow saturates to 65504 instead
/// of becoming infinite. And back, which is exact.
uint16_t toHalf(float value);
float fromHalf(uint16_t bits);

/// The integers that a vector is rounded to.
struct IntGrid {
  unsigned bits = 8; ///< 2 to 8
  bool asymmetric = false;
  ScaleType scaleType = ScaleType::F32;

  int32_t minCode() const { return asymmetric ? 0 : -(1 << (bits - 1)); }
  int32_t maxCode() const { return (1 << (asymmetric ? bits : bits - 1)) - 1; }
};

/// What the codes of one vector mean.
struct IntScale {
  float scale = 1;
  int32_t zeroPoint = 0;
};

/// `scale` as it is stored: rounded to `type`, finite, and not zero unless it
/// is zero.
float roundScale(float scale, ScaleType type);

/// The smallest scale that clips nothing (beyond the rounding of the scale
/// itself). A symmetric scale has the sign that makes it smaller. All zeros
/// give the scale 1.
IntScale chooseMinMax(llvm::ArrayRef<float> values, const IntGrid &grid);

/// The scale, and zero point, with the least squared error that the search
/// finds.
IntScale chooseLeastSquares(llvm::ArrayRef<float> values, const IntGrid &grid);

/// The code of one value.
int32_t encodeInt(float value, const IntScale &scale, const IntGrid &grid);

/// The value of one code.
inline float decodeInt(int32_t code, const IntScale &scale) {
  return scale.scale * float(code - scale.zeroPoint);
}

/// The sum of (value - decoded)^2, in f64, from the first to the last.
double squaredError(llvm::ArrayRef<float> values, const IntScale &scale,
                    const IntGrid &grid);

} // namespace mpq

#endif // MPQ_SUPPORT_QUANTIZATION_H
