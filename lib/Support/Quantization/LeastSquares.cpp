//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The search for the scale with the least squared error. See Quantization.h.
//
// The search may compute codes by multiplying with the reciprocal, where the
// definition divides: at worst it sees a tie broken the other way, which has
// the same error. What it returns is compared with min-max by the definition.
//
//===----------------------------------------------------------------------===//
#include "Range.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace llvm;
using namespace mpq;

namespace {

/// The search's factors: 100 from 1 to 0.05, each 3 % below the one before.
/// (The best step is finer than 0.05 of min-max only if the largest value is
/// more than 20 standard deviations out at two bits.)
constexpr unsigned numFactors = 100;
constexpr double factorRatio = 0.97;

/// Sums are kept in lanes, and the lanes added in a fixed order, so that the
/// compiler may use vectors and the result does not depend on their width.
constexpr size_t lanes = 8;

double sumOf(const double *lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
         ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// What a candidate does to the values. `levels` are codes minus zero point.
struct Fit {
  double error = 0;      ///< sum of (w - scale * q)^2
  double wq = 0, qq = 0; ///< <w, q>, <q, q>
  double w = 0, q = 0;   ///< sums
};

class Search {
public:
  Search(ArrayRef<float> values, const IntGrid &grid)
      : grid(grid), range(finiteRange(values)) {
    // Padded with zeros, which every candidate represents exactly.
    for (float value : values)
      data.push_back(std::isfinite(value) ? value : 0);
    count = data.size();
    data.resize((count + lanes - 1) / lanes * lanes, 0);
  }

  IntScale run();

private:
  struct Candidate {
    IntScale scale;
    double error = std::numeric_limits<double>::infinity();
  };

  double errorOf(const IntScale &scale) const;
  Fit fit(const IntScale &scale) const;
  bool consider(double step, int32_t zeroPoint, Candidate &best) const;
  Candidate shrink(double step, int32_t zeroPoint) const;
  void refine(Candidate &candidate) const;
  void refineZeroPoint(Candidate &candidate) const;
  Candidate symmetric() const;
  Candidate asymmetric() const;

  IntGrid grid;
  Range range;
  std::vector<float> data;
  size_t count;
};

/// Adding and subtracting it rounds a small f64 to an integer, half to even.
constexpr double rounder = 0x1.8p52;

} // namespace

double Search::errorOf(const IntScale &scale) const {
  double step = scale.scale, inverse = 1 / step;
  double low = grid.minCode() - scale.zeroPoint;
  double high = grid.maxCode() - scale.zeroPoint;
  double sums[lanes] = {};
  for (size_t i = 0; i < data.size(); i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) {
      double w = data[i + lane], q = w * inverse;
      q = q < low ? low : q;
      q = q > high ? high : q;
      q = (q + rounder) - rounder;
      double difference = w - step * q;
      sums[lane] += difference * difference;
    }
  return sumOf(sums);
}

Fit Search::fit(const IntScale &scale) const {
  double step = scale.scale, inverse = 1 / step;
  double low = grid.minCode() - scale.zeroPoint;
  double high = grid.maxCode() - scale.zeroPoint;
  double error[lanes] = {}, wq[lanes] = {}, qq[lanes] = {}, ws[lanes] = {},
         qs[lanes] = {};
  for (size_t i = 0; i < data.size(); i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) {
      double w = data[i + lane], q = w * inverse;
      q = q < low ? low : q;
      q = q > high ? high : q;
      q = (q + rounder) - rounder;
      double difference = w - step * q;
      error[lane] += difference * difference;
      wq[lane] += w * q;
      qq[lane] += q * q;
      ws[lane] += w;
      qs[lane] += q;
    }
  return {sumOf(error), sumOf(wq), sumOf(qq), sumOf(ws), sumOf(qs)};
}

/// Makes `step` and `zeroPoint` the best if they are better.
bool Search::consider(double step, int32_t zeroPoint, Candidate &best) const {
  IntScale scale{storedScale(step, grid), zeroPoint};
  if (scale.scale == 0 || (grid.asymmetric && scale.scale < 0))
    return false;
  double error = errorOf(scale);
  if (error >= best.error)
    return false;
  best = {scale, error};
  return true;
}

/// The best of the shrinking factors.
Search::Candidate Search::shrink(double step, int32_t zeroPoint) const {
  Candidate best;
  double bestFactor = 1, factor = 1;
  for (unsigned i = 0; i < numFactors; ++i, factor *= factorRatio) {
    Candidate candidate;
    consider(step * factor, zeroPoint, candidate);
    if (candidate.error < best.error) {
      best = candidate;
      bestFactor = factor;
    }
    // Clipping costs more and more from here on; it does not come back.
    if (candidate.error > 8 * best.error && factor < bestFactor / 2)
      break;
  }
  return best;
}

/// Alternates between the codes of a scale and the best scale of the codes.
void Search::refine(Candidate &candidate) const {
  for (unsigned round = 0; round < 16; ++round) {
    Fit current = fit(candidate.scale);
    if (current.qq == 0 || !consider(current.wq / current.qq,
                                     candidate.scale.zeroPoint, candidate))
      return;
  }
}

/// The same with the zero point: the line through (code, value) that is nearest
/// in the sense of least squares, then every zero point near it.
void Search::refineZeroPoint(Candidate &candidate) const {
  for (unsigned round = 0; round < 4; ++round) {
    double before = candidate.error;
    Fit current = fit(candidate.scale);
    double n = count, spread = current.qq - current.q * current.q / n;
    double slope =
        spread > 0 ? (current.wq - current.w * current.q / n) / spread : 0;
    if (slope > 0) {
      double zero =
          candidate.scale.zeroPoint + (current.q - current.w / slope) / n;
      consider(slope,
               std::clamp(std::nearbyint(zero), 0.0, double(grid.maxCode())),
               candidate);
    }
    int32_t center = candidate.scale.zeroPoint;
    double step = candidate.scale.scale;
    for (int32_t zero = std::max(0, center - 2);
         zero <= std::min(grid.maxCode(), center + 2); ++zero)
      for (double factor : {.9, .97, 1.0, 1.03, 1.1})
        consider(step * factor, zero, candidate);
    refine(candidate);
    if (candidate.error == before)
      return;
  }
}

Search::Candidate Search::symmetric() const {
  Candidate best;
  for (bool negative : {false, true}) {
    double step = symmetricStep(range, grid.bits, negative);
    Candidate candidate = shrink(negative ? -step : step, 0);
    refine(candidate);
    if (candidate.error < best.error)
      best = candidate;
  }
  return best;
}

Search::Candidate Search::asymmetric() const {
  // With few codes the best zero point may be anywhere; with many, it is near
  // where min-max puts it.
  int32_t center = zeroPointOf(range, grid.bits),
          reach = grid.bits <= 3 ? 7 : 1;
  double step = (range.high - range.low) / grid.maxCode();
  Candidate best;
  for (int32_t zero = std::max(0, center - reach);
       zero <= std::min(grid.maxCode(), center + reach); ++zero) {
    Candidate candidate = shrink(step * 1.1, zero);
    refine(candidate);
    if (candidate.error < best.error)
      best = candidate;
  }
  refineZeroPoint(best);
  return best;
}

IntScale Search::run() {
  return (grid.asymmetric ? asymmetric() : symmetric()).scale;
}

IntScale mpq::chooseLeastSquares(ArrayRef<float> values, const IntGrid &grid) {
  IntScale minMax = chooseMinMax(values, grid);
  Range range = finiteRange(values);
  if (range.low == range.high)
    return minMax;
  IntScale best = Search(values, grid).run();
  return squaredError(values, best, grid) < squaredError(values, minMax, grid)
             ? best
             : minMax;
}
