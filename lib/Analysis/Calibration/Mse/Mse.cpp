//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The observer that minimises the expected squared error of asymmetric b-bit
// quantization, over the histogram of what it saw. A smaller range has finer
// steps and clips more; where the sum is least depends on the tails:
//
//     error |\                    .'  clipping + rounding
//           | \                 .'
//           |  `.            .-'
//           |    `-.......-''
//           +--------------------- maximum
//
// The range is extended to zero, as the quantizer will do it, and the zero
// point rounded likewise. First both ends shrink together, by factors down to
// 1/50; then each end on its own, around the best so far, until nothing
// improves.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/CalibrationHistogram.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace mpq;

namespace {

/// A range and the error it causes.
struct Candidate {
  double low, high, error;
};

class RangeSearch {
public:
  RangeSearch(const Histogram &histogram, unsigned bits)
      : cells(histogram.cells()), codes((1 << bits) - 1),
        low(std::min(histogram.min(), 0.f)),
        high(std::max(histogram.max(), 0.f)) {}

  ClipRange run() const {
    if (low == high)
      return {};
    Candidate best = evaluate(low, high);
    for (double factor = 1; factor > .02; factor *= .95)
      improve(best, low * factor, high * factor);
    for (unsigned round = 0; round < 6; ++round) {
      Candidate before = best;
      for (int i = -12; i <= 12; ++i)
        improve(best, before.low, before.high * (1 + .02 * i));
      before.high = best.high;
      for (int i = -12; i <= 12; ++i)
        improve(best, before.low * (1 + .02 * i), before.high);
      if (best.error == before.error)
        break;
    }
    return {float(best.low), float(best.high)};
  }

private:
  void improve(Candidate &best, double newLow, double newHigh) const {
    Candidate candidate =
        evaluate(std::max(newLow, low), std::min(newHigh, high));
    if (candidate.error < best.error)
      best = candidate;
  }

  /// The values of a cell are taken as spread evenly over it. A cell that is
  /// wide for the step is looked at in several places.
  Candidate evaluate(double low, double high) const {
    double step = (high - low) / codes;
    double zeroPoint = std::nearbyint(-low / step);
    double sum = 0;
    for (const Histogram::Cell &cell : cells) {
      double width = cell.high - cell.low;
      int points = int(std::clamp(std::ceil(4 * width / step), 1.0, 16.0));
      double cellSum = 0;
      for (int i = 0; i < points; ++i) {
        double value = cell.low + width * (i + .5) / points;
        double code = std::clamp(value / step + zeroPoint, 0.0, codes);
        // Rounds to nearest even without a library call.
        code = (code + 0x1.8p52) - 0x1.8p52;
        double difference = value - (code - zeroPoint) * step;
        cellSum += difference * difference;
      }
      sum += cellSum / points * double(cell.count);
    }
    return {low, high, sum};
  }

  std::vector<Histogram::Cell> cells;
  double codes; ///< the largest one
  double low, high;
};

class MseState final : public ObserverState {
public:
  MseState(unsigned bits) : bits(bits) {}

  Error update(ArrayRef<float> values) override {
    if (Error error = checkFinite(values))
      return error;
    histogram.add(values);
    return Error::success();
  }

  void merge(const ObserverState &other) override {
    histogram.merge(static_cast<const MseState &>(other).histogram);
  }

  Expected<ClipRange> finish() const override {
    if (histogram.count() == 0)
      return createStringError("no values were observed");
    return RangeSearch(histogram, bits).run();
  }

private:
  unsigned bits;
  Histogram histogram;
};

struct MseObserver final : Observer {
  StringRef description() const override {
    return "minimises the expected squared error; extends the range to zero";
  }
  Expected<std::unique_ptr<ObserverState>>
  start(const ObserverOptions &options) const override {
    if (options.bits < 2 || options.bits > 8)
      return createStringError(
          formatv("codes have 2 to 8 bits, not {0}", options.bits).str());
    return std::make_unique<MseState>(options.bits);
  }
};

} // namespace

namespace mpq {
void registerObserverMse(mlir::DialectRegistry &) {
  Registry<Observer>::get().add("mse", std::make_unique<MseObserver>());
}
} // namespace mpq
