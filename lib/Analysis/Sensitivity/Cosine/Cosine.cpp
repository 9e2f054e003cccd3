//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The angle between embeddings: 1 - cos (Divergence.h).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

namespace mpq {
void registerSensitivityMetricCosine(mlir::DialectRegistry &) {
  Registry<SensitivityMetric>::get().add(
      "cosine", std::make_unique<DivergenceMetric>(Divergence::Cosine, "Cosine distance of the model's outputs, measured on samples"));
}
} // namespace mpq
