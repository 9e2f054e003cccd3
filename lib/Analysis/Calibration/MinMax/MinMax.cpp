//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The observer that clips nothing: the least and the largest value.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/Calibration.h"

#include "mlir/IR/DialectRegistry.h"

#include <algorithm>

using namespace llvm;
using namespace mpq;

namespace {

class MinMaxState final : public ObserverState {
public:
  Error update(ArrayRef<float> values) override {
    if (Error error = checkFinite(values))
      return error;
    for (float value : values)
      extend(value, value);
    return Error::success();
  }

  void merge(const ObserverState &other) override {
    const auto &state = static_cast<const MinMaxState &>(other);
    if (!state.empty)
      extend(state.range.min, state.range.max);
  }

  Expected<ClipRange> finish() const override {
    if (empty)
      return createStringError("no values were observed");
    // Not -0, which would depend on the order.
    return ClipRange{range.min + 0.f, range.max + 0.f};
  }

private:
  void extend(float min, float max) {
    range.min = empty ? min : std::min(range.min, min);
    range.max = empty ? max : std::max(range.max, max);
    empty = false;
  }

  ClipRange range;
  bool empty = true;
};

struct MinMaxObserver final : Observer {
  StringRef description() const override {
    return "the least and the largest value";
  }
  Expected<std::unique_ptr<ObserverState>>
  start(const ObserverOptions &) const override {
    return std::make_unique<MinMaxState>();
  }
};

} // namespace

namespace mpq {
void registerObserverMinMax(mlir::DialectRegistry &) {
  Registry<Observer>::get().add("minmax", std::make_unique<MinMaxObserver>());
}
} // namespace mpq
