//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Observer `@name@`: from minus the largest magnitude to the largest magnitude.
// Which range it chooses, and why, belongs here.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Calibration.h"

#include "mlir/IR/DialectRegistry.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace mpq;

namespace {

/// Whatever a state keeps must not depend on the order of values or on how they
/// are spread over states that are merged later.
class @Name@State final : public ObserverState {
public:
  Error update(ArrayRef<float> values) override {
    if (Error error = checkFinite(values))
      return error;
    for (float value : values)
      largest = std::max(largest, std::abs(value));
    return Error::success();
  }

  void merge(const ObserverState &other) override {
    largest = std::max(largest, static_cast<const @Name@State &>(other).largest);
  }

  Expected<ClipRange> finish() const override {
    if (largest < 0)
      return createStringError("no values were observed");
    return ClipRange{-largest, largest};
  }

private:
  float largest = -1; ///< nothing seen yet
};

struct @Name@Observer final : Observer {
  StringRef description() const override { return "the largest magnitude, on both sides of zero"; }

  Expected<std::unique_ptr<ObserverState>> start(const ObserverOptions &) const override {
    return std::make_unique<@Name@State>();
  }
};

} // namespace

namespace mpq {
void registerObserver@Name@(mlir::DialectRegistry &) {
  Registry<Observer>::get().add("@name@", std::make_unique<@Name@Observer>());
}
} // namespace mpq
