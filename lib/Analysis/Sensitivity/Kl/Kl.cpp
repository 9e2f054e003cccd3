//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Metric `kl`: how far the model's outputs move when one weight is stored in a
// format and all others stay in f32, as the mean over the samples of
// KL(p_f32 || p_variant) in nats (Divergence.h says of which distributions).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Divergence.h"
#include "mpq/Analysis/OutputSensitivity.h"

using namespace mlir;
using namespace mpq;

namespace {

/// The divergence of outputs that have no distribution is always zero.
llvm::Error checkOutputs(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (Type type : main.getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.getElementType().isF32() && tensor.getRank() &&
        tensor.getShape().back() > 1)
      return llvm::Error::success();
  }
  return llvm::createStringError(
      "metric 'kl' needs an f32 output with at least two classes along its "
      "last dimension; metric 'weight-mse' does not look at outputs");
}

struct Kl final : SensitivityMetric {
  StringRef description() const override {
    return "KL divergence of the model's outputs, measured on samples";
  }
  bool needsData() const override { return true; }

  llvm::Expected<SiteScores>
  score(const SensitivityRequest &request) const override {
    if (llvm::Error error = checkOutputs(request.module))
      return std::move(error);
    OutputDivergence divergence(request.module);
    return scoreOutputs(
        request, [&](Executor::Outputs reference, Executor::Outputs variant) {
          return divergence.kl(reference, variant);
        });
  }
};

} // namespace

namespace mpq {
void registerSensitivityMetricKl(DialectRegistry &) {
  Registry<SensitivityMetric>::get().add("kl", std::make_unique<Kl>());
}
} // namespace mpq
