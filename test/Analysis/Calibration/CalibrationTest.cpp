//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Observers: what they answer on known data, and that the answer does not
// depend on order, batches or threads.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/CalibrationHistogram.h"

#include "mlir/IR/DialectRegistry.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>

using namespace llvm;
using namespace mpq;

namespace mpq {
void registerObserverMinMax(mlir::DialectRegistry &);
void registerObserverPercentile(mlir::DialectRegistry &);
void registerObserverMse(mlir::DialectRegistry &);
} // namespace mpq

namespace {

class Calibration : public testing::Test {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerObserverMinMax(registry);
    registerObserverPercentile(registry);
    registerObserverMse(registry);
  }

  std::unique_ptr<ObserverState> start(StringRef name,
                                       ObserverOptions options = {}) {
    Expected<Observer *> observer = getObserver(name);
    EXPECT_TRUE(bool(observer)) << toString(observer.takeError());
    Expected<std::unique_ptr<ObserverState>> state =
        (*observer)->start(options);
    EXPECT_TRUE(bool(state)) << toString(state.takeError());
    return std::move(*state);
  }

  ClipRange finish(const ObserverState &state) {
    Expected<ClipRange> range = state.finish();
    EXPECT_TRUE(bool(range)) << toString(range.takeError());
    return *range;
  }

  ClipRange observe(StringRef name, ArrayRef<float> values,
                    ObserverOptions options = {}) {
    std::unique_ptr<ObserverState> state = start(name, options);
    Error error = state->update(values);
    EXPECT_FALSE(bool(error)) << toString(std::move(error));
    return finish(*state);
  }

  double uniform() { return (double(random()) - .5) / 2147483647.0; }
  float normal() {
    return std::sqrt(-2 * std::log(uniform())) *
           std::cos(6.283185307179586 * uniform());
  }

  std::minstd_rand random{5};
};

const char *const observers[] = {"minmax", "percentile", "mse"};

TEST_F(Calibration, MinMaxKeepsEverything) {
  ClipRange range = observe("minmax", {3, -1, 2.5f, 100});
  EXPECT_EQ(range.min, -1);
  EXPECT_EQ(range.max, 100);
  range = observe("minmax", {5, 7}); // zero is not added
  EXPECT_EQ(range.min, 5);
}

TEST_F(Calibration, PercentileCutsBothTails) {
  std::vector<float> values;
  for (int i = -1000; i <= 1000; ++i)
    values.push_back(i);
  ClipRange range = observe("percentile", values, {99, 8});
  // 20 of the 2001 values may lie outside on either side; bins are 1 wide.
  EXPECT_NEAR(range.max, 980, 1.01);
  EXPECT_NEAR(range.min, -980, 1.01);
  range = observe("percentile", values, {100, 8});
  EXPECT_EQ(range.max, 1000);
  EXPECT_EQ(range.min, -1000);
}

/// Behind a ReLU most values are zero, and zero is the minimum.
TEST_F(Calibration, PercentileOfManyZeros) {
  std::vector<float> values(100000, 0);
  for (int i = 0; i < 100; ++i)
    values[i] = i + 1;
  ClipRange range = observe("percentile", values, {99.95, 8});
  EXPECT_EQ(range.min, 0);
  EXPECT_NEAR(range.max, 50, 1);
}

/// Against the sorted values.
TEST_F(Calibration, PercentileIsWithinABin) {
  std::vector<float> values(50000);
  for (float &value : values)
    value = std::exp(normal()) - .5f;
  const std::pair<double, size_t> cases[] = {{60, 20000}, {90, 5000}, {99, 500},
                                             {99.9, 50},  {99.99, 5}, {100, 0}};
  for (auto [percentile, outside] : cases) {
    ClipRange range = observe("percentile", values, {percentile, 8});
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    float bin = (sorted.back() - sorted.front()) / 1000;
    EXPECT_NEAR(range.max, sorted[sorted.size() - 1 - outside], bin);
    EXPECT_NEAR(range.min, sorted[outside], bin);
  }
}

double quantizationError(ArrayRef<float> values, double low, double high,
                         unsigned bits) {
  double step = (high - low) / ((1 << bits) - 1);
  double zeroPoint = std::nearbyint(-low / step), sum = 0;
  for (float value : values) {
    double code = std::clamp(std::nearbyint(value / step) + zeroPoint, 0.0,
                             double((1 << bits) - 1));
    double difference = value - (code - zeroPoint) * step;
    sum += difference * difference;
  }
  return sum;
}

/// Against a search over the values themselves.
TEST_F(Calibration, MseIsNearTheBestRange) {
  for (bool relu : {false, true})
    for (double tail : {0., 1.5}) {
      std::vector<float> values(3000);
      for (float &value : values) {
        value = normal() * std::exp(tail * normal());
        if (relu)
          value = std::max(value, 0.f);
      }
      ClipRange all = observe("minmax", values);
      for (unsigned bits : {3, 4, 6, 8}) {
        ClipRange range = observe("mse", values, {99.99, bits});
        double best = std::numeric_limits<double>::infinity();
        for (int i = 1; i <= 60; ++i)
          for (int j = relu ? 60 : 1; j <= 60; ++j)
            best = std::min(best, quantizationError(values, all.min * j / 60,
                                                    all.max * i / 60, bits));
        double found = quantizationError(values, range.min, range.max, bits);
        EXPECT_LT(found, 1.05 * best) << bits << " bits, tail " << tail;
        EXPECT_LE(found, quantizationError(values, all.min, all.max, bits));
        EXPECT_GE(range.min, all.min);
        EXPECT_LE(range.max, all.max);
        EXPECT_LE(range.min, 0);
      }
    }
}

/// The same answer, to the bit, for any order, any batches and any threads.
TEST_F(Calibration, OrderAndBatchesDoNotMatter) {
  std::vector<float> values(5000);
  for (auto [i, value] : enumerate(values))
    value = i % 7 == 0 ? 0.f : float(normal() * std::exp(5 * normal()));
  for (StringRef name : observers) {
    ClipRange expected = observe(name, values);
    for (unsigned trial = 0; trial < 10; ++trial) {
      std::shuffle(values.begin(), values.end(), random);
      std::vector<std::unique_ptr<ObserverState>> threads;
      for (unsigned i = 0; i < 1 + trial % 4; ++i)
        threads.push_back(start(name));
      for (size_t begin = 0; begin < values.size();) {
        size_t size =
            std::min<size_t>(1 + random() % 400, values.size() - begin);
        cantFail(threads[random() % threads.size()]->update(
            ArrayRef(values).slice(begin, size)));
        begin += size;
      }
      std::unique_ptr<ObserverState> total = start(name);
      for (const std::unique_ptr<ObserverState> &thread : threads)
        total->merge(*thread);
      ClipRange range = finish(*total);
      EXPECT_EQ(range.min, expected.min) << name.str();
      EXPECT_EQ(range.max, expected.max) << name.str();
    }
  }
}

TEST_F(Calibration, HistogramsNest) {
  // The drawing of CalibrationHistogram.h, with the values in growing order and
  // in falling order.
  std::vector<float> rising{1e-30f, 1e-3f, .5f, 4, 5, 6, 9, 1e6f, 1e30f};
  std::vector<float> falling(rising.rbegin(), rising.rend());
  auto cells = [](ArrayRef<float> values) {
    Histogram histogram;
    for (float value : values)
      histogram.add(value);
    return histogram.cells();
  };
  std::vector<Histogram::Cell> a = cells(rising), b = cells(falling);
  ASSERT_EQ(a.size(), b.size());
  for (auto [first, second] : zip_equal(a, b)) {
    EXPECT_EQ(first.low, second.low);
    EXPECT_EQ(first.high, second.high);
    EXPECT_EQ(first.count, second.count);
  }
}

TEST_F(Calibration, DegenerateData) {
  float tiny = std::numeric_limits<float>::denorm_min();
  float huge = std::numeric_limits<float>::max();
  for (StringRef name : observers) {
    for (std::vector<float> values : {std::vector<float>{0.f},
                                      {0.f, -0.f},
                                      {4.f},
                                      {-4.f},
                                      {tiny},
                                      {-tiny, tiny},
                                      {huge, -huge},
                                      {huge, tiny},
                                      {1.f, 1.f + 1e-7f}}) {
      ClipRange range = observe(name, values);
      EXPECT_TRUE(std::isfinite(range.min) && std::isfinite(range.max));
      EXPECT_LE(range.min, range.max) << name.str();
      EXPECT_GE(range.min, std::min(0.f, *min_element(values)));
      EXPECT_LE(range.max, std::max(0.f, *max_element(values)));
    }
    EXPECT_EQ(observe(name, {0.f, 0.f}).max, 0);
    // Constant data keeps its value.
    EXPECT_EQ(observe(name, {4.f, 4.f}).max, 4) << name.str();
    EXPECT_EQ(observe(name, {-4.f}).min, -4) << name.str();
  }
}

TEST_F(Calibration, WrongDataIsAnError) {
  for (StringRef name : observers) {
    std::unique_ptr<ObserverState> state = start(name);
    EXPECT_EQ(toString(state->finish().takeError()), "no values were observed");
    cantFail(state->update({1, 2}));
    EXPECT_EQ(toString(state->update({1, std::nanf("")})), "value 1 is nan");
    EXPECT_EQ(toString(state->update({1, 9, -HUGE_VALF})),
              "value 2 is -infinity");
    // The state is as before.
    EXPECT_EQ(finish(*state).max, 2);
  }
}

TEST_F(Calibration, WrongOptionsAreErrors) {
  auto reason = [](StringRef name, ObserverOptions options) {
    Expected<Observer *> observer = getObserver(name);
    return observer ? toString((*observer)->start(options).takeError())
                    : toString(observer.takeError());
  };
  EXPECT_EQ(reason("percentile", {50, 8}),
            "the percentile is above 50 and up to 100, not 50");
  EXPECT_EQ(reason("percentile", {100.5, 8}),
            "the percentile is above 50 and up to 100, not 100.5");
  EXPECT_EQ(reason("percentile", {std::nan(""), 8}),
            "the percentile is above 50 and up to 100, not nan");
  EXPECT_EQ(reason("mse", {99, 1}), "codes have 2 to 8 bits, not 1");
  EXPECT_EQ(reason("entropy", {}),
            "unknown observer 'entropy', known are minmax, percentile, mse");
}

} // namespace
