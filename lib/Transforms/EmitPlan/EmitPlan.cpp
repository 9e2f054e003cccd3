//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choices of sites as the lines of a plan file.
//
//===----------------------------------------------------------------------===//

#include "mpq/Allocation/Plan.h"
#include "mpq/Analysis/Activations.h"
#include "mpq/Analysis/Labels.h"
#include "mpq/Analysis/Sites.h"
#include "mpq/Support/OutputFile.h"

#include "mlir/Pass/Pass.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace mpq {
#define GEN_PASS_DECL_EMITPLANPASS
#define GEN_PASS_DEF_EMITPLANPASS
#include "EmitPlan.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// What was measured for the candidates of `site`; metrics that differ one
/// after the other.
std::string getEvidence(SiteOp site) {
  std::string text;
  SmallVector<PlanEvidence> entries;
  StringRef metric;
  auto flush = [&] {
    if (!entries.empty())
      text += (text.empty() ? "" : "; ") + formatEvidence(metric, entries);
    entries.clear();
  };
  for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>()) {
    if (candidate.getMetric() != metric)
      flush();
    metric = candidate.getMetric();
    if (!metric.empty())
      entries.push_back(
          {getLabel(site, candidate), candidate.getError()});
  }
  flush();
  return text;
}

struct EmitPlanPass : mpq::impl::EmitPlanPassBase<EmitPlanPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    if (file.empty()) {
      main.emitError("there is no name for the plan; give file=");
      return signalPassFailure();
    }
    FailureOr<Plan> plan = makePlan(main);
    if (failed(plan))
      return signalPassFailure();
    if (llvm::Error error =
            writeFile(file, [&](raw_ostream &os) { plan->print(os); })) {
      main.emitError("cannot write the plan ")
          << llvm::toString(std::move(error));
      signalPassFailure();
    }
  }

private:
  FailureOr<Plan> makePlan(func::FuncOp main) {
    Plan plan;
    uint64_t weights = 0, bytes = 0;
    for (SiteOp site : getSites(main)) {
      FailureOr<PlanSite> line = makeLine(site);
      if (failed(line))
        return failure();
      weights += countWeights(site);
      bytes += *line->bytes;
      plan.sites.push_back(std::move(*line));
    }
    std::vector<std::string> header = Plan::makeHeader(
        {llvm::formatv(
             "{0} sites, {1} weights, {2} bytes: {3:F3} bits per weight",
             plan.sites.size(), weights, bytes,
             weights ? 8.0 * bytes / weights : 0.0)
             .str()});
    (plan.sites.empty() ? plan.trailingComments : plan.sites.front().comments) =
        std::move(header);
    return plan;
  }

  FailureOr<PlanSite> makeLine(SiteOp site) {
    PlanSite line;
    line.name = site.getName().str();
    line.tie = site.getTie().value_or("").str();
    line.weights = getNumWeights(site);
    CandidateAttr chosen = site.getChosen();
    line.format =
        chosen ? chosen.getFormat().getSpelling() : Plan::floatFormat.str();
    line.bytes = countBytes(site, chosen);
    FailureOr<Activations> own = getActivations(site, activations);
    if (failed(own))
      return failure();
    line.activations =
        getActivationsName(site->getParentOfType<ModuleOp>(), *own);
    line.evidence = getEvidence(site);
    return line;
  }
};

} // namespace
