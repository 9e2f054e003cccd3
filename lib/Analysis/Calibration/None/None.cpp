//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The observer that gives no ranges: int8 activations get the range of what
// they are, row by row or sample by sample, while the model runs. Samples then
// serve the sensitivity metrics only.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/Calibration.h"

#include "mlir/IR/DialectRegistry.h"

using namespace llvm;
using namespace mpq;

namespace {

struct NoneObserver final : Observer {
  StringRef description() const override {
    return "no ranges: int8 activations find theirs while the model runs";
  }
  bool observes() const override { return false; }
  Expected<std::unique_ptr<ObserverState>>
  start(const ObserverOptions &) const override {
    return createStringError("the observer 'none' observes nothing");
  }
};

} // namespace

namespace mpq {
void registerObserverNone(mlir::DialectRegistry &) {
  Registry<Observer>::get().add("none", std::make_unique<NoneObserver>());
}
} // namespace mpq
