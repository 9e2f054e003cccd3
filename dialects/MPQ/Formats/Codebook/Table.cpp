//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See Table.h.
//
//===----------------------------------------------------------------------===//
#include "Table.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// The known tables
//===----------------------------------------------------------------------===//

namespace {
constexpr float binary[] = {-1, 1};
constexpr float ternary[] = {-1, 0, 1, 0};
// Sign, two bits of exponent, one of mantissa.
constexpr float fp4[] = {0,   1,  2,  3,  4,  6,  8,  12,
                         -0., -1, -2, -3, -4, -6, -8, -12};
constexpr float nf4[] = {-1.0f,
                         -0.6961928009986877f,
                         -0.5250730514526367f,
                         -0.39491748809814453f,
                         -0.28444138169288635f,
                         -0.18477343022823334f,
                         -0.09105003625154495f,
                         0.0f,
                         0.07958029955625534f,
                         0.16093020141124725f,
                         0.24611230194568634f,
                         0.33791524171829224f,
                         0.44070982933044434f,
                         0.5626170039176941f,
                         0.7229568362236023f,
                         1.0f};
constexpr StringLiteral names[] = {"binary", "ternary", "ternary2", "fp4",
                                   "nf4"};
constexpr ArrayRef<float> tables[] = {binary, ternary, ternary, fp4, nf4};
} // namespace

ArrayRef<StringLiteral> mpq::getTableNames() { return names; }

ArrayRef<float> mpq::lookupTable(StringRef name) {
  for (auto [known, table] : llvm::zip_equal(names, tables))
    if (name == known)
      return table;
  return {};
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

namespace {
/// How well a scale does, and the best scale for the codes that it gives.
struct Fit {
  double error = 0, wq = 0, qq = 0;
};

Fit fit(ArrayRef<float> values, const NearestLevel &levels, double scale) {
  Fit result;
  double inverse = 1 / scale;
  for (double w : values) {
    double q = levels.level(w * inverse), difference = w - scale * q;
    result.error += difference * difference;
    result.wq += w * q;
    result.qq += q * q;
  }
  return result;
}
} // namespace

float mpq::chooseCodebookScale(ArrayRef<float> values,
                               const NearestLevel &levels, float largestLevel,
                               ScaleType type) {
  // From a scale that clips nothing to one of a tenth of it: the mean magnitude
  // of normal values, which two levels want, is a quarter.
  constexpr int kFactors = 40;
  constexpr double kRatio = .944;
  SmallVector<float> finite(values);
  for (float &value : finite)
    value = std::isfinite(value) ? value : 0;
  double largest = 0;
  for (double value : finite)
    largest = std::max(largest, std::abs(value));
  if (largest == 0)
    return 1;
  float best = 1;
  Fit bestFit;
  bestFit.error = std::numeric_limits<double>::infinity();
  auto consider = [&](double exact) {
    float scale = roundScale(float(exact), type);
    if (scale == 0)
      return false;
    Fit candidate = fit(finite, levels, scale);
    if (candidate.error >= bestFit.error)
      return false;
    best = scale;
    bestFit = candidate;
    return true;
  };
  for (double sign : {1., -1.}) {
    double factor = sign * largest / largestLevel;
    for (int i = 0; i < kFactors; ++i, factor *= kRatio)
      consider(factor);
  }
  // Between the neighbours of the best: the error has many small valleys.
  constexpr int kFine = 12;
  double coarse = best;
  for (int i = -kFine; i <= kFine; ++i)
    consider(coarse * std::pow(kRatio, double(i) / kFine));
  for (int round = 0; round < 16 && bestFit.qq > 0; ++round)
    if (!consider(bestFit.wq / bestFit.qq))
      break;
  return best;
}
