//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Metric `weight-mse`: the sum of squared weight errors. Needs no samples, and
// knows nothing of how much a weight matters.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sensitivity.h"

#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace mpq;

namespace {

struct WeightMse final : SensitivityMetric {
  StringRef description() const override {
    return "sum of squared weight errors; needs no samples";
  }
  bool needsData() const override { return false; }

  llvm::Expected<SiteScores>
  score(const SensitivityRequest &request) const override {
    SiteScores scores(request.sites.size());
    std::vector<std::vector<float>> weights;
    for (SiteOp site : request.sites) {
      std::optional<std::vector<float>> values = readWeights(site);
      if (!values)
        return llvm::createStringError("cannot score site '" + site.getName() +
                                       "'");
      weights.push_back(std::move(*values));
    }
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(request.threads));
    for (size_t i = 0; i < weights.size(); ++i) {
      SiteOp site = request.sites[i];
      scores[i].resize(site.getCandidates().size());
      for (size_t c = 0; c < scores[i].size(); ++c)
        pool.async([&, site, i, c] {
          scores[i][c] = getSquaredError(site, c, weights[i]);
        });
    }
    pool.wait();
    return scores;
  }

  static double getSquaredError(SiteOp site, size_t index,
                                ArrayRef<float> weights) {
    auto candidate = cast<CandidateAttr>(site.getCandidates()[index]);
    std::vector<float> stored =
        roundTripWeights(site, candidate.getFormat(), weights);
    double sum = 0;
    for (auto [weight, value] : llvm::zip(weights, stored))
      sum += (double(weight) - value) * (double(weight) - value);
    return sum;
  }
};

} // namespace

namespace mpq {
void registerSensitivityMetricWeightMse(DialectRegistry &) {
  Registry<SensitivityMetric>::get().add("weight-mse",
                                         std::make_unique<WeightMse>());
}
} // namespace mpq
