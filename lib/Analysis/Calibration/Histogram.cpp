//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See CalibrationHistogram.h.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/CalibrationHistogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace llvm;
using namespace mpq;

/// The bin of width 2^exponent that holds `value`.
static int64_t binAt(float value, int exponent) {
  return int64_t(std::floor(std::ldexp(double(value), -exponent)));
}

int64_t Histogram::binOf(float value) const {
  return binAt(value, exponent) - first;
}

/// The smallest exponent with which [low, high] spans at most `maxBins`; bins
/// are numbered in an int64, so not below 2^-40 of the largest value.
static int exponentFor(float low, float high) {
  int exponent = std::ilogb(std::max(std::abs(low), std::abs(high))) - 40;
  while (binAt(high, exponent) - binAt(low, exponent) >= Histogram::maxBins)
    ++exponent;
  return exponent;
}

/// Makes room for values from `newLow` to `newHigh`.
void Histogram::cover(float newLow, float newHigh) {
  bool empty = bins.empty();
  low = empty ? newLow : std::min(low, newLow);
  high = empty ? newHigh : std::max(high, newHigh);
  int newExponent = exponentFor(low, high);
  int64_t newFirst = binAt(low, newExponent);
  if (!empty && newExponent == exponent && newFirst == first)
    return;
  assert((empty || newExponent >= exponent) && "a wider range has wider bins");
  int shift = std::min(newExponent - exponent, 62);
  std::vector<uint64_t> merged(maxBins, 0);
  for (size_t i = 0; i < bins.size(); ++i)
    if (bins[i]) // rounds down, also below zero
      merged[((first + int64_t(i)) >> shift) - newFirst] += bins[i];
  bins = std::move(merged);
  exponent = newExponent;
  first = newFirst;
}

void Histogram::add(ArrayRef<float> values) {
  float newLow = 0, newHigh = 0;
  uint64_t seen = 0;
  for (float value : values) {
    if (value == 0)
      continue;
    newLow = seen ? std::min(newLow, value) : value;
    newHigh = seen ? std::max(newHigh, value) : value;
    ++seen;
  }
  zeros += values.size() - seen;
  if (!seen)
    return;
  nonZeros += seen;
  cover(newLow, newHigh);
  // Multiplying by a power of two is exact.
  double scale = std::ldexp(1.0, -exponent);
  for (float value : values)
    if (value != 0)
      ++bins[int64_t(std::floor(value * scale)) - first];
}

void Histogram::merge(const Histogram &other) {
  zeros += other.zeros;
  nonZeros += other.nonZeros;
  if (other.bins.empty())
    return;
  cover(other.low, other.high);
  int shift = std::min(exponent - other.exponent, 62);
  for (size_t i = 0; i < other.bins.size(); ++i)
    if (other.bins[i])
      bins[((other.first + int64_t(i)) >> shift) - first] += other.bins[i];
}

std::vector<Histogram::Cell> Histogram::cells() const {
  std::vector<Cell> cells;
  bool zeroPending = zeros != 0;
  for (size_t i = 0; i < bins.size(); ++i) {
    if (!bins[i])
      continue;
    int64_t bin = first + int64_t(i);
    if (zeroPending && bin >= 0) {
      cells.push_back({0, 0, zeros});
      zeroPending = false;
    }
    cells.push_back({std::max<double>(std::ldexp(bin, exponent), low),
                     std::min<double>(std::ldexp(bin + 1, exponent), high),
                     bins[i]});
  }
  if (zeroPending)
    cells.push_back({0, 0, zeros});
  return cells;
}
