//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What all observers need: the call by name, and the check of their input.
//
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/Calibration.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace llvm;
using namespace mpq;

Expected<Observer *> mpq::getObserver(StringRef name) {
  const Registry<Observer> &registry = Registry<Observer>::get();
  if (Observer *observer = registry.lookup(name))
    return observer;
  return createStringError("unknown observer '" + name + "', known are " +
                           registry.names());
}

Error mpq::checkFinite(ArrayRef<float> values) {
  for (auto [index, value] : enumerate(values))
    if (!std::isfinite(value))
      return createStringError(formatv("value {0} is {1}{2}", index,
                                       std::signbit(value) ? "-" : "",
                                       std::isnan(value) ? "nan" : "infinity")
                                   .str());
  return Error::success();
}
