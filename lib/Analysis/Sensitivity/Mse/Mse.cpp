//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The mean squared error relative to the signal (Divergence.h).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

namespace mpq {
void registerSensitivityMetricMse(mlir::DialectRegistry &) {
  Registry<SensitivityMetric>::get().add(
      "mse", std::make_unique<DivergenceMetric>(Divergence::MSE, "Squared error of the outputs relative to the signal, measured on samples"));
}
} // namespace mpq
