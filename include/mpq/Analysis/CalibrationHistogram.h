//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A histogram of a stream of values whose range is not known before.
//
// Bins are 2^e wide and begin at multiples of 2^e. When a value falls outside
// the 2048 bins, e grows, and every 2, 4, ... neighbouring bins become one:
//
//     e = 0    | 3 | 1 | 4 | 1 |         bins [4,5) [5,6) [6,7) [7,8)
//     e = 1    |   4   |   5   |   |     bins [4,6) [6,8) [8,10), now 9 fits
//
// Bins of one e nest in those of a larger e, so a value is counted where it
// would have been had the final e been known from the start: e is the smallest
// with which [min, max] spans at most 2048 bins. That makes the result
// independent of the order of values and merging exact. 1024 bins or more are
// in use (unless the values are closer to each other than 2^-40 of the
// largest).
//
// Zeros, which are many behind a ReLU and are quantized without error, are
// counted apart.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_CALIBRATIONHISTOGRAM_H
#define MPQ_ANALYSIS_CALIBRATIONHISTOGRAM_H

#include "mpq/Analysis/Calibration.h"

#include <cstdint>
#include <vector>

namespace mpq {

class Histogram {
public:
  static constexpr int64_t maxBins = 2048;

  /// Counts `values`, all finite.
  void add(llvm::ArrayRef<float> values);
  void merge(const Histogram &other);

  uint64_t count() const { return zeros + nonZeros; }

  /// The least and the largest value; `count()` is not 0.
  float min() const { return zeros ? std::min(low, 0.f) : low; }
  float max() const { return zeros ? std::max(high, 0.f) : high; }

  /// `count` values from `low` to `high`; a single value if those are equal.
  struct Cell {
    double low, high;
    uint64_t count;
  };
  /// What is not empty, in ascending order, zero as a cell of its own.
  std::vector<Cell> cells() const;

private:
  void cover(float newLow, float newHigh);
  int64_t binOf(float value) const;

  uint64_t zeros = 0, nonZeros = 0;
  float low = 0, high = 0; ///< of the values other than zero, if any
  int exponent = 0;        ///< bins are 2^exponent wide
  int64_t first = 0;       ///< bins[0] begins at first * 2^exponent
  std::vector<uint64_t> bins;
};

} // namespace mpq

#endif // MPQ_ANALYSIS_CALIBRATIONHISTOGRAM_H
