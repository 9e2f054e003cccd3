//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Plans, and what is near them, as variants of one program.
//
//===----------------------------------------------------------------------===//

#include "OutputScorer.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

class PlanScorer::Impl : public OutputScorer {
public:
  using OutputScorer::OutputScorer;
};

PlanScorer::PlanScorer(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
PlanScorer::~PlanScorer() = default;

llvm::Expected<std::unique_ptr<PlanScorer>>
PlanScorer::create(const SensitivityRequest &request,
                   const OutputComparison &comparison) {
  auto impl = std::make_unique<Impl>(request, comparison);
  if (llvm::Error error = impl->initialize())
    return std::move(error);
  return std::unique_ptr<PlanScorer>(new PlanScorer(std::move(impl)));
}

/// All sites that can be replaced, as planned.
static Variant makeVariant(const OutputScorer &scorer,
                           ArrayRef<unsigned> choices) {
  Variant variant;
  for (auto [site, choice] : llvm::enumerate(choices))
    if (scorer.hasSlot(site))
      variant.parts.push_back({site, choice});
  return variant;
}

llvm::Expected<std::vector<double>>
PlanScorer::measure(ArrayRef<std::vector<unsigned>> plans) {
  std::vector<Variant> variants;
  for (ArrayRef<unsigned> plan : plans)
    variants.push_back(makeVariant(*impl, plan));
  return impl->runTogether(variants);
}

llvm::Expected<PlanScores> PlanScorer::scoreAround(
    ArrayRef<unsigned> choices,
    llvm::function_ref<bool(unsigned, unsigned)> wanted) {
  // The plan itself comes first, then site by site f32 and the candidates.
  std::vector<Variant> variants(1);
  PlanScores scores;
  for (unsigned site = 0; site < choices.size(); ++site) {
    SiteOp op = impl->getSites()[site];
    size_t count = op.getCandidates().size();
    scores.sites.emplace_back(count, std::nan(""));
    scores.unquantized.push_back(std::nan(""));
    SmallVector<unsigned> tied = impl->getTied(site);
    auto add = [&](unsigned candidate) {
      Variant &variant = variants.emplace_back();
      for (unsigned part : tied)
        variant.parts.push_back({part, candidate});
    };
    if (tied.empty() || !impl->hasSlot(site))
      continue;
    add(kUnquantized);
    for (unsigned candidate = 0; candidate < count; ++candidate)
      if (candidate != choices[site] && wanted(site, candidate) &&
          impl->getFirstOfFormat(site, candidate) == candidate)
        add(candidate);
  }
  auto results = impl->runTogether(variants, makeVariant(*impl, choices));
  if (!results)
    return results.takeError();
  scores.planned = results->front();
  for (auto [variant, result] :
       llvm::drop_begin(llvm::zip(variants, *results))) {
    auto [site, candidate] = variant.parts.front();
    scores.sites[site][choices[site]] = scores.planned;
    (candidate == kUnquantized ? scores.unquantized[site]
                               : scores.sites[site][candidate]) = result;
  }
  return scores;
}
