//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The checked call of a metric by name.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sensitivity.h"

#include "mpq/Analysis/Labels.h"
#include "mpq/Execution/Specialize.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

llvm::Expected<SiteScores> mpq::scoreSites(StringRef name,
                                           const SensitivityRequest &request) {
  const auto &registry = Registry<SensitivityMetric>::get();
  SensitivityMetric *metric = registry.lookup(name);
  if (!metric)
    return llvm::createStringError("unknown sensitivity metric '" + name +
                                   "', known are " + registry.names());
  if (metric->needsData() && request.data.empty())
    return llvm::createStringError(
        "metric '" + name +
        "' needs samples; run mpq-calibrate first or give data=");
  if (!metric->needsData())
    for (SiteOp site : request.sites)
      for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
        if (candidate.getActivations() == Activations::Int8)
          return llvm::createStringError(
              "metric '" + name +
              "' does not run the model, so it cannot tell what " +
              getActivationsName(request.module, Activations::Int8) +
              " activations cost at site '" +
              site.getName() + "'; metric 'kl' does");
  // Metrics that run the model see it for the sizes of the data.
  SensitivityRequest sized = request;
  OwningOpRef<ModuleOp> copy;
  if (metric->needsData()) {
    auto specialized = specializeSizes(request.module, request.data);
    if (!specialized)
      return specialized.takeError();
    copy = std::move(*specialized);
    sized.module = *copy;
    sized.sites.clear();
    llvm::append_range(sized.sites,
                       getSites(copy->lookupSymbol<func::FuncOp>("main")));
  }
  llvm::Expected<SiteScores> scores = metric->score(sized);
  if (!scores)
    return scores.takeError();
  assert(scores->size() == request.sites.size() &&
         "one list of scores per site");
  std::vector<SiteOp> sites = request.sites;
  for (auto [site, list] : llvm::zip(sites, *scores)) {
    assert(list.size() == site.getCandidates().size() &&
           "one score per candidate");
    for (auto [candidate, score] :
         llvm::zip(site.getCandidates().getAsRange<CandidateAttr>(), list))
      if (!std::isfinite(score) || score < 0)
        return llvm::createStringError("metric '" + name + "' gives " +
                                       std::to_string(score) + " for site '" +
                                       site.getName() + "' in " +
                                       getLabel(site, candidate));
  }
  return scores;
}
