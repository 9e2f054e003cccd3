//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Min-max scales, and the definition of code and error. See Quantization.h.
//
//===----------------------------------------------------------------------===//
#include "Range.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;
using namespace mpq;

Range mpq::finiteRange(ArrayRef<float> values) {
  Range range;
  for (float value : values) {
    if (!std::isfinite(value))
      continue;
    range.low = std::min(range.low, double(value));
    range.high = std::max(range.high, double(value));
  }
  return range;
}

float mpq::storedScale(double scale, const IntGrid &grid) {
  double largestLevel = std::max(grid.maxCode(), -grid.minCode());
  double largest = std::nextafter(
      float(std::numeric_limits<float>::max() / largestLevel), 0.f);
  // An f64 that is not zero may still become zero in f32.
  float rounded = float(std::clamp(scale, -largest, largest));
  if (rounded == 0 && scale != 0)
    rounded = std::copysign(std::numeric_limits<float>::denorm_min(), scale);
  return roundScale(rounded, grid.scaleType);
}

double mpq::symmetricStep(const Range &range, unsigned bits, bool negative) {
  double longSide = 1 << (bits - 1), shortSide = longSide - 1;
  return negative ? std::max(range.high / longSide, -range.low / shortSide)
                  : std::max(range.high / shortSide, -range.low / longSide);
}

int32_t mpq::zeroPointOf(const Range &range, unsigned bits) {
  double codes = (1 << bits) - 1;
  return std::nearbyint(-range.low / (range.high - range.low) * codes);
}

IntScale mpq::chooseMinMax(ArrayRef<float> values, const IntGrid &grid) {
  Range range = finiteRange(values);
  if (range.low == range.high)
    return {};
  if (grid.asymmetric) {
    // The zero point's rounding must not push an end out of the codes.
    int32_t zero = zeroPointOf(range, grid.bits);
    double step = std::max(
        zero ? -range.low / zero : 0,
        zero < grid.maxCode() ? range.high / (grid.maxCode() - zero) : 0);
    return {storedScale(step, grid), zero};
  }
  double positive = symmetricStep(range, grid.bits, false);
  double negative = symmetricStep(range, grid.bits, true);
  return {storedScale(negative < positive ? -negative : positive, grid), 0};
}

int32_t mpq::encodeInt(float value, const IntScale &scale,
                       const IntGrid &grid) {
  double code = double(value) / double(scale.scale);
  if (std::isnan(code))
    code = 0;
  double low = grid.minCode() - scale.zeroPoint;
  double high = grid.maxCode() - scale.zeroPoint;
  return int32_t(std::nearbyint(std::clamp(code, low, high))) + scale.zeroPoint;
}

double mpq::squaredError(ArrayRef<float> values, const IntScale &scale,
                         const IntGrid &grid) {
  double sum = 0;
  for (float value : values) {
    double difference =
        double(value) - decodeInt(encodeInt(value, scale, grid), scale);
    sum += difference * difference;
  }
  return sum;
}
