//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A plan, and the loss L of the model quantized by it. Allocation has minimised
//
//     sum over sites s of  L(only s in c_s)
//
// which is how L begins when losses are small. Around a plan p that is there
// already, the same function begins as
//
//     L(p) + sum over s of  L(p with s in c_s) - L(p)
//
// so that a choice by the scores L(p with s in c) - L(p with s in f32) is the
// better one as long as it stays near p. How near is enforced as trust regions
// are: a change costs lambda, which grows until the plan that is chosen loses
// less than p when measured. Every step is an exact allocation, so budgets hold.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"
#include "mpq/Analysis/Ranges.h"
#include "mpq/Execution/Specialize.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DECL_REFINEPASS
#define GEN_PASS_DEF_REFINEPASS
#include "Refine.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// A candidate per site.
using Choices = std::vector<unsigned>;

CandidateAttr getCandidate(SiteOp site, unsigned index) { return cast<CandidateAttr>(site.getCandidates()[index]); }

Choices getChoices(ArrayRef<SiteOp> sites) {
  Choices choices;
  for (SiteOp site : sites)
    choices.push_back(*site.getChoice());
  return choices;
}

/// Scores stay near what was measured: a site is looked at in formats of 0.6 to
/// 1.7 times the bytes it has, which for integers is a bit more or less.
bool isNear(CandidateAttr candidate, CandidateAttr chosen) {
  double ratio = double(candidate.getBytes()) / std::max<int64_t>(chosen.getBytes(), 1);
  return ratio >= 0.6 && ratio <= 1.7;
}

class Refinement {
public:
  Refinement(ModuleOp module, ArrayRef<SiteOp> sites, PlanScorer &scorer, StringRef choose)
      : module(module), sites(sites), scorer(scorer), choose(choose) {}

  /// Replaces `choices`, which lose `loss`, by something better, if it finds it.
  llvm::Expected<bool> improve(Choices &choices, double &loss);

private:
  SiteScores getErrors(const Choices &choices, const PlanScores &around) const;
  llvm::Expected<Choices> chooseBy(const SiteScores &errors, const Choices &choices, double lambda) const;

  ModuleOp module;
  ArrayRef<SiteOp> sites;
  PlanScorer &scorer;
  StringRef choose;
};

} // namespace

/// What each candidate adds to the loss of the plan. Sites without scores of
/// their own keep what they have; so does what int8 activations add.
SiteScores Refinement::getErrors(const Choices &choices, const PlanScores &around) const {
  constexpr double never = 1e30;
  SiteScores errors;
  for (auto [index, site] : llvm::enumerate(sites)) {
    auto candidates = SiteOp(site).getCandidates().getAsRange<CandidateAttr>();
    std::vector<double> &list = errors.emplace_back();
    CandidateAttr first;
    double scored = 0;
    for (auto [i, candidate] : llvm::enumerate(candidates)) {
      if (std::isnan(around.unquantized[index])) {
        list.push_back(candidate.getError());
        continue;
      }
      if (!first || first.getFormat() != candidate.getFormat()) {
        first = candidate;
        scored = around.sites[index][i];
      }
      double added = double(candidate.getError()) - double(first.getError());
      list.push_back(std::isnan(scored) ? never : std::max(0.0, scored - around.unquantized[index]) + added);
    }
  }
  return errors;
}

/// The choice of the pass `choose` on a copy whose candidates have `errors`; to
/// change a format costs `lambda`.
llvm::Expected<Choices> Refinement::chooseBy(const SiteScores &errors, const Choices &choices, double lambda) const {
  OwningOpRef<ModuleOp> copy(ModuleOp(module).clone());
  SmallVector<SiteOp> copies = getSites(copy->lookupSymbol<func::FuncOp>("main"));
  for (auto [index, site] : llvm::enumerate(copies)) {
    SmallVector<Attribute> candidates;
    for (auto [i, candidate] : llvm::enumerate(site.getCandidates().getAsRange<CandidateAttr>())) {
      bool changes = candidate.getFormat() != getCandidate(site, choices[index]).getFormat();
      candidates.push_back(candidate.withError(errors[index][i] + changes * lambda, candidate.getMetric()));
    }
    site.setCandidatesAttr(ArrayAttr::get(site.getContext(), candidates));
  }
  PassManager pm(copy->getContext());
  if (failed(parsePassPipeline(choose, pm)) || failed(pm.run(*copy)))
    return llvm::createStringError("'" + choose + "' chooses no formats");
  return getChoices(copies);
}

llvm::Expected<bool> Refinement::improve(Choices &choices, double &loss) {
  auto wanted = [&](unsigned site, unsigned candidate) {
    return isNear(getCandidate(sites[site], candidate), getCandidate(sites[site], choices[site]));
  };
  llvm::Expected<PlanScores> around = scorer.scoreAround(choices, wanted);
  if (!around)
    return around.takeError();
  SiteScores errors = getErrors(choices, *around);
  constexpr unsigned attempts = 5;
  double lambda = 0;
  for (unsigned i = 0; i < attempts; ++i) {
    llvm::Expected<Choices> changed = chooseBy(errors, choices, lambda);
    if (!changed)
      return changed.takeError();
    if (*changed == choices)
      return false;
    llvm::Expected<std::vector<double>> measured = scorer.measure({*changed});
    if (!measured)
      return measured.takeError();
    if (measured->front() < loss) {
      choices = *changed;
      loss = measured->front();
      return true;
    }
    lambda = lambda == 0 ? 1e-3 * loss : 3 * lambda;
  }
  return false;
}

namespace {

struct RefinePass : mpq::impl::RefinePassBase<RefinePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    if (llvm::Error error = refine(main)) {
      main.emitError(llvm::toString(std::move(error)));
      return signalPassFailure();
    }
  }

private:
  llvm::Error refine(func::FuncOp main);
  llvm::Expected<SensitivityRequest> makeRequest(ArrayRef<SiteOp> sites);
};

} // namespace

llvm::Expected<SensitivityRequest> RefinePass::makeRequest(ArrayRef<SiteOp> sites) {
  for (SiteOp site : sites)
    if (!site.getChosen())
      return llvm::createStringError("site '" + site.getName() + "' has no format yet; run mpq-allocate first");
  if (choose.empty())
    return llvm::createStringError("no pass chooses again; give choose=, mpq-allocate with its options");
  SensitivityRequest request;
  request.data = data;
  if (auto calibrated = getOperation()->getAttrOfType<StringAttr>(kCalibrationDataAttr); calibrated && data.empty())
    request.data = calibrated.str();
  if (request.data.empty())
    return llvm::createStringError("there are no samples; run mpq-calibrate first or give data=");
  request.threads = threads;
  request.memLimit = memLimit;
  return request;
}

llvm::Error RefinePass::refine(func::FuncOp main) {
  SmallVector<SiteOp> sites = getSites(main);
  llvm::Expected<SensitivityRequest> request = makeRequest(sites);
  if (!request)
    return request.takeError();
  Divergence kind = chooseDivergence(getOperation());
  if (!divergence.empty()) {
    std::optional<Divergence> named = symbolizeDivergence(divergence);
    if (!named)
      return llvm::createStringError("unknown divergence '" + divergence + "'; there are kl, similarity, cosine and mse");
    kind = *named;
  }
  auto sized = specializeSizes(getOperation(), request->data);
  if (!sized)
    return sized.takeError();
  request->module = **sized;
  llvm::append_range(request->sites, getSites((*sized)->lookupSymbol<func::FuncOp>("main")));
  if (llvm::Error error = OutputDivergence::check(**sized, kind))
    return error;
  OutputDivergence comparison(**sized, kind);
  auto scorer = PlanScorer::create(*request, comparison);
  if (!scorer)
    return scorer.takeError();

  Choices choices = getChoices(sites);
  double sum = 0;
  for (SiteOp site : sites)
    sum += site.getChosen().getError();
  llvm::Expected<std::vector<double>> measured = (*scorer)->measure({choices});
  if (!measured)
    return measured.takeError();
  double before = measured->front(), loss = before;
  // By another metric, there is no sum to hold it against.
  bool sameMetric = sites.front().getChosen().getMetric() == stringifyDivergence(kind);
  bool stays = before <= enough || (sameMetric && std::abs(before - sum) <= tolerance * sum);
  Refinement refinement(getOperation(), sites, **scorer, choose);
  for (unsigned round = 0; !stays && round < rounds; ++round) {
    llvm::Expected<bool> better = refinement.improve(choices, loss);
    if (!better)
      return better.takeError();
    if (!*better)
      break;
  }
  unsigned changes = 0;
  for (auto [site, choice] : llvm::zip(sites, choices)) {
    changes += *site.getChoice() != choice;
    site.setChoiceAttr(Builder(main.getContext()).getI64IntegerAttr(choice));
  }
  remark::passed(main.getLoc(), remark::RemarkOpts::name("Refined").category("mpq-refine"))
      << remark::add("{0} sites changed", changes) << remark::metric("sum", sum) << remark::metric("before", before)
      << remark::metric("after", loss);
  return llvm::Error::success();
}
