//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Metric `output-mse`: the mean squared difference between the model's f32
// outputs with one weight in a format and with all weights in f32, over the
// elements of an output and over the samples, summed over the outputs. Unlike
// `kl` it does not take outputs for logits, so it suits models that regress or
// embed; it weighs an output by its magnitude.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

using namespace mlir;
using namespace mpq;

namespace {

/// The number of elements of each output of `@main`, for one sample; 0 for
/// those that are not f32.
std::vector<int64_t> getOutputSizes(ModuleOp module) {
  std::vector<int64_t> sizes;
  for (Type type : lookupMain(module).getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    bool isMeasured = tensor && tensor.hasStaticShape() && tensor.getElementType().isF32();
    sizes.push_back(isMeasured ? tensor.getNumElements() : 0);
  }
  return sizes;
}

double getMeanSquaredError(ArrayRef<int64_t> sizes, Executor::Outputs reference, Executor::Outputs variant) {
  double total = 0;
  for (auto [size, before, after] : llvm::zip(sizes, reference, variant)) {
    auto *a = reinterpret_cast<const float *>(before), *b = reinterpret_cast<const float *>(after);
    double sum = 0;
    for (int64_t i = 0; i < size; ++i)
      sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    total += size ? sum / size : 0;
  }
  return total;
}

struct OutputMse final : SensitivityMetric {
  StringRef description() const override { return "mean squared error of the model's outputs, measured on samples"; }
  bool needsData() const override { return true; }

  llvm::Expected<SiteScores> score(const SensitivityRequest &request) const override {
    std::vector<int64_t> sizes = getOutputSizes(request.module);
    if (llvm::all_of(sizes, [](int64_t size) { return size == 0; }))
      return llvm::createStringError("metric 'output-mse' needs an f32 output");
    return scoreOutputs(request, [&](Executor::Outputs reference, Executor::Outputs variant) {
      return getMeanSquaredError(sizes, reference, variant);
    });
  }
};

} // namespace

namespace mpq {
void registerSensitivityMetricOutputMse(DialectRegistry &) {
  Registry<SensitivityMetric>::get().add("output-mse", std::make_unique<OutputMse>());
}
} // namespace mpq
