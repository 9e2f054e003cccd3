//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The observer that cuts off the tails: with percentile p, at most (100 - p) %
// of the values are above the maximum, and as many below the minimum.
// Percentile 100 is min-max. The ends are those of histogram bins, so up to one
// bin (less than a thousandth of the observed range) outside the exact
// percentile.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/CalibrationHistogram.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace mpq;

namespace {

class PercentileState final : public ObserverState {
public:
  PercentileState(double percentile) : percentile(percentile) {}

  Error update(ArrayRef<float> values) override {
    if (Error error = checkFinite(values))
      return error;
    histogram.add(values);
    return Error::success();
  }

  void merge(const ObserverState &other) override {
    histogram.merge(static_cast<const PercentileState &>(other).histogram);
  }

  Expected<ClipRange> finish() const override {
    if (histogram.count() == 0)
      return createStringError("no values were observed");
    std::vector<Histogram::Cell> cells = histogram.cells();
    // How many values may lie outside, on either side. The margin is for
    // percentiles that are no binary fractions.
    uint64_t outside = std::floor(double(histogram.count()) *
                                  (100 - percentile) / 100 * (1 + 1e-9));
    size_t last = cells.size() - 1, first = 0;
    for (uint64_t left = outside; last > 0 && cells[last].count <= left; --last)
      left -= cells[last].count;
    for (uint64_t left = outside; first < last && cells[first].count <= left;
         ++first)
      left -= cells[first].count;
    return ClipRange{float(cells[first].low), float(cells[last].high)};
  }

private:
  double percentile;
  Histogram histogram;
};

struct PercentileObserver final : Observer {
  StringRef description() const override {
    return "cuts off the values outside a percentile";
  }
  Expected<std::unique_ptr<ObserverState>>
  start(const ObserverOptions &options) const override {
    if (options.percentile > 50 && options.percentile <= 100)
      return std::make_unique<PercentileState>(options.percentile);
    std::string text;
    raw_string_ostream(text) << "the percentile is above 50 and up to 100, not "
                             << format("%g", options.percentile);
    return createStringError(text);
  }
};

} // namespace

namespace mpq {
void registerObserverPercentile(mlir::DialectRegistry &) {
  Registry<Observer>::get().add("percentile",
                                std::make_unique<PercentileObserver>());
}
} // namespace mpq
