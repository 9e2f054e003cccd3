//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What embeddings lose as seen beside each other (Divergence.h).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

namespace mpq {
void registerSensitivityMetricSimilarity(mlir::DialectRegistry &) {
  Registry<SensitivityMetric>::get().add(
      "similarity", std::make_unique<DivergenceMetric>(Divergence::Similarity, "Loss of correlation of the similarities of outputs, measured on samples"));
}
} // namespace mpq
