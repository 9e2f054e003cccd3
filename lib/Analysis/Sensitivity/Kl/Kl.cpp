//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// KL(p_f32 || p_variant) in nats (Divergence.h says of which distributions).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

namespace mpq {
void registerSensitivityMetricKl(mlir::DialectRegistry &) {
  Registry<SensitivityMetric>::get().add(
      "kl", std::make_unique<DivergenceMetric>(Divergence::KL, "KL divergence of the model's outputs, measured on samples"));
}
} // namespace mpq
