//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Every candidate of every site alone: as a variant of one program where it can
// be one, compiled for itself otherwise.
//
//===----------------------------------------------------------------------===//

#include "OutputScorer.h"

#include "ScoringModule.h"

#include "mpq/Analysis/Ranges.h"
#include "mpq/Support/Memory.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mpq;

llvm::Expected<SiteScores> OutputScorer::score() {
  SiteScores scores;
  for (SiteOp site : request.sites)
    scores.emplace_back(site.getCandidates().size());
  if (llvm::Error error = scoreTogether(scores))
    return std::move(error);
  for (unsigned site = 0; site < request.sites.size(); ++site) {
    if (!hasSlot(site))
      if (llvm::Error error = scoreAlone(site, scores))
        return std::move(error);
    for (unsigned candidate = 0; candidate < scores[site].size(); ++candidate)
      scores[site][candidate] =
          scores[site][getFirstOfFormat(site, candidate)];
    if (llvm::Error error = scoreActivations(site, scores))
      return std::move(error);
  }
  return scores;
}

llvm::Error OutputScorer::scoreTogether(SiteScores &scores) {
  std::vector<Variant> variants;
  for (unsigned site = 0; site < request.sites.size(); ++site) {
    SmallVector<unsigned> tied = getTied(site);
    if (tied.empty() || !hasSlot(site))
      continue;
    for (unsigned candidate = 0; candidate < scores[site].size(); ++candidate) {
      if (getFirstOfFormat(site, candidate) != candidate)
        continue;
      Variant &variant = variants.emplace_back();
      for (unsigned part : tied)
        variant.parts.push_back({part, candidate});
    }
  }
  llvm::Expected<std::vector<double>> results = runTogether(variants);
  if (!results)
    return results.takeError();
  for (auto [variant, result] : llvm::zip(variants, *results)) {
    auto [site, candidate] = variant.parts.front();
    scores[site][candidate] = result;
  }
  return llvm::Error::success();
}

llvm::Error OutputScorer::keepBaseline() {
  if (!baseline.empty())
    return llvm::Error::success();
  uint64_t bytes = 0;
  for (const ProgramTensor &tensor : executor->getProgram().getOutputs())
    bytes += data->size() * tensor.getNumBytes();
  if (llvm::Error error = MemoryLimit(request.memLimit).check("keeping the outputs of all samples", bytes))
    return error;
  return executor->run(*data, [&](int64_t, Executor::Outputs outputs) {
    for (auto [output, tensor] :
         llvm::zip(outputs, executor->getProgram().getOutputs()))
      baseline.emplace_back(output, output + tensor.getNumBytes());
  });
}

/// The score of `module`, which is compiled and run on all samples.
llvm::Expected<double> OutputScorer::compareWithBaseline(ModuleOp module) {
  if (llvm::Error error = keepBaseline())
    return std::move(error);
  auto variant = Executor::create(module, getExecutorOptions());
  if (!variant)
    return variant.takeError();
  size_t width = comparison.getWidth();
  std::vector<float> kept(data->size() * width);
  size_t numOutputs = executor->getProgram().getOutputs().size();
  auto compare = [&](int64_t sample, Executor::Outputs outputs) {
    SmallVector<const char *> reference;
    for (size_t i = 0; i < numOutputs; ++i)
      reference.push_back(baseline[sample * numOutputs + i].data());
    comparison.compare(
        reference, outputs,
        MutableArrayRef(kept).slice(sample * width, width));
  };
  if (llvm::Error error = (*variant)->run(*data, compare))
    return std::move(error);
  return comparison.reduce(kept);
}

/// A weight that is not simply one slot of the program: compiled in.
llvm::Error OutputScorer::scoreAlone(unsigned site, SiteScores &scores) {
  for (unsigned candidate = 0; candidate < scores[site].size(); ++candidate) {
    if (getFirstOfFormat(site, candidate) != candidate)
      continue;
    std::vector<std::vector<float>> substituted = weights;
    substituted[site] = getVariantWeights(site, candidate);
    ScoringModule scoring(request.module, substituted);
    llvm::Expected<double> score = compareWithBaseline(scoring.getModule());
    if (!score)
      return score.takeError();
    scores[site][candidate] = *score;
  }
  return llvm::Error::success();
}

/// The values that become codes for all their readers where one of the sites
/// `tied` takes int8 activations: inputs with a calibrated range.
static llvm::SmallSetVector<Value, 2> getInputs(ArrayRef<SiteOp> sites,
                                                ArrayRef<unsigned> tied) {
  llvm::SmallSetVector<Value, 2> inputs;
  for (unsigned site : tied)
    for (OpOperand &use : SiteOp(sites[site])->getUses())
      if (Value input = use.getOwner()->getOperand(0);
          &use == getWeightOperand(use.getOwner()) && getRange(input))
        inputs.insert(input);
  return inputs;
}

/// The number of sites that can make codes of an input of `site`, itself among
/// them.
unsigned OutputScorer::countReaders(unsigned site) const {
  llvm::SmallSetVector<Value, 2> inputs =
      getInputs(request.sites, getTied(site));
  auto isInt8 = [](CandidateAttr candidate) {
    return candidate.getActivations() == Activations::Int8;
  };
  unsigned count = 0;
  for (unsigned other = 0; other < request.sites.size(); ++other) {
    SiteOp op = request.sites[other];
    count +=
        llvm::any_of(op.getCandidates().getAsRange<CandidateAttr>(), isInt8) &&
        llvm::any_of(getInputs(request.sites, getTied(other)),
                     [&](Value input) { return inputs.contains(input); });
  }
  return std::max(count, 1u);
}

/// Adds to the candidates of `site` with int8 activations what these cost. The
/// model is quantized at this site (and those tied to it) alone, by the pass that does it for good, in
/// the format that loses least; what is lost beyond that format's own score is
/// the activations'. Rounding weights and rounding activations are independent,
/// so one measurement serves all formats.
llvm::Error OutputScorer::scoreActivations(unsigned site,
                                           SiteScores &scores) {
  std::optional<unsigned> best;
  for (unsigned i = 0; i < scores[site].size(); ++i)
    if (getCandidate(site, i).getActivations() == Activations::Int8 &&
        (!best || scores[site][i] < scores[site][*best]))
      best = i;
  SmallVector<unsigned> tied = getTied(site);
  if (!best || tied.empty())
    return llvm::Error::success();
  ModuleOp original = request.module;
  OwningOpRef<ModuleOp> module(original.clone());
  for (auto [index, op] : llvm::enumerate(
           mpq::getSites(module->lookupSymbol<func::FuncOp>("main")))) {
    op->removeAttr(kActivationsAttr);
    if (llvm::is_contained(tied, index))
      op.setChoice(*best);
    else
      op.removeChoiceAttr();
  }
  PassManager pm(module->getContext());
  if (failed(parsePassPipeline("mpq-quantize", pm)) ||
      failed(pm.run(*module))) {
    SiteOp op = request.sites[site];
    return llvm::createStringError("cannot quantize the activations of site '" +
                                   op.getName() + "'");
  }
  llvm::Expected<double> both = compareWithBaseline(*module);
  if (!both)
    return both.takeError();
  // Readers of one value all read its codes once one of them does, which is
  // what has been measured. They share it, so that it counts once.
  double added = std::max(0.0, *both - scores[site][*best]) / countReaders(site);
  for (unsigned i = 0; i < scores[site].size(); ++i)
    if (getCandidate(site, i).getActivations() == Activations::Int8)
      scores[site][i] += added;
  return llvm::Error::success();
}

llvm::Expected<SiteScores>
mpq::scoreOutputs(const SensitivityRequest &request,
                  const OutputComparison &comparison) {
  OutputScorer scorer(request, comparison);
  if (llvm::Error error = scorer.initialize())
    return std::move(error);
  return scorer.score();
}

namespace {
struct MeanDistance final : OutputComparison {
  explicit MeanDistance(OutputDistance distance) : distance(distance) {}

  void compare(Outputs reference, Outputs other,
               MutableArrayRef<float> kept) const override {
    kept[0] = float(distance(reference, other));
  }

  OutputDistance distance;
};
} // namespace

llvm::Expected<SiteScores> mpq::scoreOutputs(const SensitivityRequest &request,
                                             OutputDistance distance) {
  return scoreOutputs(request, MeanDistance(distance));
}

llvm::Expected<SiteScores>
DivergenceMetric::score(const SensitivityRequest &request) const {
  if (llvm::Error error = OutputDivergence::check(request.module, divergence))
    return std::move(error);
  return scoreOutputs(request, OutputDivergence(request.module, divergence));
}
