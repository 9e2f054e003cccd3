//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Metric `@name@`: the sum of the magnitudes of weight errors. What it measures,
// and where that is from, belongs here. A metric that looks at the model's
// outputs calls `scoreOutputs` (mpq/Analysis/OutputSensitivity.h).
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sensitivity.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

namespace {

struct @Name@ final : SensitivityMetric {
  StringRef description() const override { return "sum of the magnitudes of weight errors; needs no samples"; }
  bool needsData() const override { return false; }

  llvm::Expected<SiteScores> score(const SensitivityRequest &request) const override {
    SiteScores scores;
    for (SiteOp site : request.sites) {
      std::optional<std::vector<float>> weights = readWeights(site);
      if (!weights)
        return llvm::createStringError("cannot score site '" + site.getName() + "'");
      std::vector<double> &list = scores.emplace_back();
      for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
        list.push_back(getError(site, candidate.getFormat(), *weights));
    }
    return scores;
  }

  static double getError(SiteOp site, FormatAttrInterface format, ArrayRef<float> weights) {
    double sum = 0;
    for (auto [weight, stored] : llvm::zip(weights, roundTripWeights(site, format, weights)))
      sum += std::abs(double(weight) - stored);
    return sum;
  }
};

} // namespace

namespace mpq {
void registerSensitivityMetric@Name@(DialectRegistry &) {
  Registry<SensitivityMetric>::get().add("@name@", std::make_unique<@Name@>());
}
} // namespace mpq
