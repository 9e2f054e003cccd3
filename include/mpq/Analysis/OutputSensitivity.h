//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For metrics that look at the outputs of the model: runs it with weights
// stored in a candidate's format, for all candidates of all sites, and leaves
// to the metric how outputs are compared.
//
// The model is compiled once. A variant is that program with the packed bytes
// of some weights replaced, so hundreds of them cost one compilation, and each
// restarts at the first op that reads its weight. Candidates with int8
// activations take one more compilation per site, of the model quantized there:
// what the integer kernels will compute is what is measured.
//
// Tied sites cannot differ, so they are replaced together, and what is lost
// counts for the first of them.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_OUTPUTSENSITIVITY_H
#define MPQ_ANALYSIS_OUTPUTSENSITIVITY_H

#include "mpq/Analysis/Divergence.h"
#include "mpq/Analysis/Sensitivity.h"
#include "mpq/Execution/Executor.h"

namespace mpq {

/// Scores every candidate of every site of `request` with what `comparison`
/// makes of the outputs of the f32 model and those with that site so.
llvm::Expected<SiteScores> scoreOutputs(const SensitivityRequest &request,
                                        const OutputComparison &comparison);

/// The outputs of the f32 model and those of a variant for one sample, a
/// pointer per output of `@main`; zero where they are the same. Called from any
/// thread.
using OutputDistance = llvm::function_ref<double(Executor::Outputs reference,
                                                 Executor::Outputs variant)>;

/// The same with the mean of `distance` over the samples, in their order, so
/// that the result does not depend on the number of threads.
llvm::Expected<SiteScores> scoreOutputs(const SensitivityRequest &request,
                                        OutputDistance distance);

/// What is lost near a plan, weights only.
struct PlanScores {
  /// With all sites as planned.
  double planned = 0;
  /// With one site in each of its candidates, or in f32, and the others as
  /// planned. NaN where a site cannot be replaced alone, or is tied to an
  /// earlier one.
  SiteScores sites;
  std::vector<double> unquantized; ///< per site
};

/// The same model, for plans: many of them cost one compilation.
class PlanScorer {
public:
  /// `request`, its module and `comparison` must outlive the scorer.
  static llvm::Expected<std::unique_ptr<PlanScorer>>
  create(const SensitivityRequest &request, const OutputComparison &comparison);
  ~PlanScorer();

  /// The loss of each of the plans, a candidate per site each.
  llvm::Expected<std::vector<double>>
  measure(llvm::ArrayRef<std::vector<unsigned>> plans);

  /// The losses around the plan `choices`, of the candidates for which
  /// `wanted(site, candidate)`; the others are NaN.
  llvm::Expected<PlanScores>
  scoreAround(llvm::ArrayRef<unsigned> choices,
              llvm::function_ref<bool(unsigned, unsigned)> wanted);

private:
  class Impl;
  explicit PlanScorer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// A metric that is a divergence of the outputs.
class DivergenceMetric final : public SensitivityMetric {
public:
  DivergenceMetric(Divergence divergence, llvm::StringRef summary)
      : divergence(divergence), summary(summary) {}

  llvm::StringRef description() const override { return summary; }
  bool needsData() const override { return true; }
  llvm::Expected<SiteScores>
  score(const SensitivityRequest &request) const override;

private:
  Divergence divergence;
  llvm::StringRef summary;
};

} // namespace mpq

#endif // MPQ_ANALYSIS_OUTPUTSENSITIVITY_H
