//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The extension point for sensitivity metrics: what a site in a format costs
// the model in quality. An implementation lives in
// lib/Analysis/Sensitivity/<Name>/ and adds itself to
// `Registry<SensitivityMetric>`.
//
// A score is about one site alone, with all others in f32. Allocation adds the
// scores of the sites up, so they should be on one scale over the whole model:
// zero where nothing is lost, and finite.
//
// A metric gets all sites at once because measuring a hundred variants of a
// model together is much cheaper than one after another (see Executor.h).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_SENSITIVITY_H
#define MPQ_ANALYSIS_SENSITIVITY_H

#include "mpq/Analysis/Sites.h"
#include "mpq/Support/Registry.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mpq {

struct SensitivityRequest {
  mlir::ModuleOp module; ///< of the `planned` stage, one sample; not changed
  std::vector<SiteOp> sites; ///< all sites of `@main`, in order
  std::string data;      ///< .npz of samples; empty if the metric needs none
  unsigned threads = 0;  ///< 0: all cores
  uint64_t memLimit = 0; ///< bytes that the process may have; 0: no limit
};

/// One score per candidate, in their order, per site.
using SiteScores = std::vector<std::vector<double>>;

struct SensitivityMetric {
  virtual ~SensitivityMetric() = default;

  /// One line for help texts.
  virtual llvm::StringRef description() const = 0;

  /// Whether `score` needs samples.
  virtual bool needsData() const = 0;

  /// Scores every candidate of every site. Independent of the number of
  /// threads, bit by bit.
  virtual llvm::Expected<SiteScores>
  score(const SensitivityRequest &request) const = 0;
};

/// Checks the request, scores with the metric called `name`, and checks that
/// all scores are there, finite and not negative. The way for everybody to call
/// a metric.
llvm::Expected<SiteScores> scoreSites(llvm::StringRef name,
                                      const SensitivityRequest &request);

} // namespace mpq

#endif // MPQ_ANALYSIS_SENSITIVITY_H
