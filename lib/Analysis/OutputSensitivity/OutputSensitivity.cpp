//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Variants of a model, many at once in the memory that there is.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/OutputSensitivity.h"

#include "ScoringModule.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <numeric>

using namespace mlir;
using namespace mpq;

namespace {

/// Bytes that variants may take when no limit is given.
constexpr uint64_t kDefaultVariantBytes = uint64_t(1) << 29;

/// One candidate of one site, to be measured.
struct Variant {
  unsigned site, candidate;
  unsigned slot;
};

class OutputScorer {
public:
  OutputScorer(const SensitivityRequest &request, OutputDistance distance)
      : request(request), distance(distance) {}

  llvm::Expected<SiteScores> run();

private:
  llvm::Error scoreTogether(ArrayRef<Variant> variants);
  llvm::Error scoreAlone(unsigned site);
  llvm::Error scoreActivations(unsigned site);
  llvm::Error keepBaseline();
  llvm::Expected<double> compareWithBaseline(ModuleOp variant);

  CandidateAttr getCandidate(unsigned site, unsigned index) const {
    SiteOp op = request.sites[site];
    return cast<CandidateAttr>(op.getCandidates()[index]);
  }

  /// The first candidate of the format of candidate `index`: as far as weights
  /// go, they are the same.
  unsigned getFirstOfFormat(unsigned site, unsigned index) const {
    unsigned first = 0;
    while (getCandidate(site, first).getFormat() !=
           getCandidate(site, index).getFormat())
      ++first;
    return first;
  }

  std::vector<float> getVariantWeights(unsigned site,
                                       unsigned candidate) const {
    return roundTripWeights(request.sites[site],
                            getCandidate(site, candidate).getFormat(),
                            weights[site]);
  }

  ExecutorOptions getExecutorOptions() const {
    ExecutorOptions options;
    options.threads = request.threads;
    options.memLimit = request.memLimit;
    return options;
  }

  /// Bytes of the outputs of one sample.
  uint64_t getOutputBytes() const {
    uint64_t bytes = 0;
    for (const ProgramTensor &output : executor->getProgram().getOutputs())
      bytes += output.getNumBytes();
    return bytes;
  }

  const SensitivityRequest &request;
  OutputDistance distance;
  std::vector<std::vector<float>> weights;
  std::unique_ptr<Executor> executor;
  std::optional<Dataset> data;
  SiteScores scores;
  std::vector<std::vector<char>> baseline; ///< [sample * outputs + output]
};

/// In the order of the samples, so that rounding is always the same.
double getMean(ArrayRef<double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / values.size();
}

} // namespace

llvm::Expected<SiteScores> OutputScorer::run() {
  for (SiteOp site : request.sites) {
    std::optional<std::vector<float>> values = readWeights(site);
    if (!values)
      return llvm::createStringError("cannot score site '" + site.getName() +
                                     "'");
    weights.push_back(std::move(*values));
    scores.emplace_back(site.getCandidates().size());
  }

  ScoringModule scoring(request.module, weights);
  auto created = Executor::create(scoring.getModule(), getExecutorOptions(),
                                  /*inSteps=*/true);
  if (!created)
    return created.takeError();
  executor = std::move(*created);
  llvm::Expected<Dataset> loaded =
      Dataset::load(request.data, executor->getProgram().getInputs());
  if (!loaded)
    return loaded.takeError();
  data = std::move(*loaded);

  std::vector<Variant> variants;
  std::vector<unsigned> alone;
  for (unsigned site = 0; site < request.sites.size(); ++site) {
    llvm::Expected<unsigned> slot =
        scoring.getOnlySlot(site, executor->getProgram().getSlots());
    if (slot) {
      for (unsigned candidate = 0; candidate < scores[site].size(); ++candidate)
        if (getFirstOfFormat(site, candidate) == candidate)
          variants.push_back({site, candidate, *slot});
      continue;
    }
    alone.push_back(site);
    SiteOp op = request.sites[site];
    remark::missed(
        op.getLoc(),
        remark::RemarkOpts::name("ScoredAlone").category("mpq-sensitivity"))
        << remark::add("site '{0}' is scored by compiling every candidate",
                       op.getName())
        << remark::reason("{0}", llvm::toString(slot.takeError()));
  }
  if (llvm::Error error = scoreTogether(variants))
    return std::move(error);
  for (unsigned site : alone)
    if (llvm::Error error = scoreAlone(site))
      return std::move(error);
  for (unsigned site = 0; site < request.sites.size(); ++site) {
    for (unsigned candidate = 0; candidate < scores[site].size(); ++candidate)
      scores[site][candidate] =
          scores[site][getFirstOfFormat(site, candidate)];
    if (llvm::Error error = scoreActivations(site))
      return std::move(error);
  }
  return scores;
}

/// In as few runs as the memory limit allows; each run repeats the baseline.
llvm::Error OutputScorer::scoreTogether(ArrayRef<Variant> variants) {
  uint64_t limit =
      request.memLimit ? request.memLimit / 2 : kDefaultVariantBytes;
  unsigned threads = request.threads
                         ? request.threads
                         : llvm::hardware_concurrency().compute_thread_count();
  // What the executor keeps of a variant: its results, and its outputs.
  uint64_t fixed = data->size() * sizeof(double) + threads * getOutputBytes();
  while (!variants.empty()) {
    std::vector<AlignedBytes> packed;
    std::vector<WeightVariant> chunk;
    uint64_t bytes = 0;
    for (const Variant &variant : variants) {
      bytes += executor->getProgram().getSlots()[variant.slot].bytes + fixed;
      if (!chunk.empty() && bytes > limit)
        break;
      packed.push_back(executor->pack(
          variant.slot, getVariantWeights(variant.site, variant.candidate)));
      chunk.push_back(
          {variant.slot, ArrayRef(packed.back().data(), packed.back().size())});
    }
    auto results = executor->runVariants(*data, chunk, distance);
    if (!results)
      return results.takeError();
    for (auto [variant, samples] : llvm::zip(variants, *results))
      scores[variant.site][variant.candidate] = getMean(samples);
    variants = variants.drop_front(chunk.size());
  }
  return llvm::Error::success();
}

llvm::Error OutputScorer::keepBaseline() {
  if (!baseline.empty())
    return llvm::Error::success();
  return executor->run(*data, [&](int64_t, Executor::Outputs outputs) {
    for (auto [output, tensor] :
         llvm::zip(outputs, executor->getProgram().getOutputs()))
      baseline.emplace_back(output, output + tensor.getNumBytes());
  });
}

/// The mean distance between the f32 model and `variant`, which is compiled and
/// run on all samples.
llvm::Expected<double> OutputScorer::compareWithBaseline(ModuleOp module) {
  if (llvm::Error error = keepBaseline())
    return std::move(error);
  auto variant = Executor::create(module, getExecutorOptions());
  if (!variant)
    return variant.takeError();
  std::vector<double> samples(data->size());
  size_t numOutputs = executor->getProgram().getOutputs().size();
  auto compare = [&](int64_t sample, Executor::Outputs outputs) {
    SmallVector<const char *> reference;
    for (size_t i = 0; i < numOutputs; ++i)
      reference.push_back(baseline[sample * numOutputs + i].data());
    samples[sample] = distance(reference, outputs);
  };
  if (llvm::Error error = (*variant)->run(*data, compare))
    return std::move(error);
  return getMean(samples);
}

/// A weight that is not simply one slot of the program: compiled in.
llvm::Error OutputScorer::scoreAlone(unsigned site) {
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

/// Adds to the candidates of `site` with int8 activations what these cost. The
/// model is quantized at this site alone, by the pass that does it for good, in
/// the format that loses least; what is lost beyond that format's own score is
/// the activations'. Rounding weights and rounding activations are independent,
/// so one measurement serves all formats.
llvm::Error OutputScorer::scoreActivations(unsigned site) {
  std::optional<unsigned> best;
  for (unsigned i = 0; i < scores[site].size(); ++i)
    if (getCandidate(site, i).getActivations() == Activations::Int8 &&
        (!best || scores[site][i] < scores[site][*best]))
      best = i;
  if (!best)
    return llvm::Error::success();
  ModuleOp original = request.module;
  OwningOpRef<ModuleOp> module(original.clone());
  for (auto [index, op] : llvm::enumerate(
           getSites(module->lookupSymbol<func::FuncOp>("main")))) {
    op->removeAttr(kActivationsAttr);
    if (index == site)
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
  double added = std::max(0.0, *both - scores[site][*best]);
  for (unsigned i = 0; i < scores[site].size(); ++i)
    if (getCandidate(site, i).getActivations() == Activations::Int8)
      scores[site][i] += added;
  return llvm::Error::success();
}

llvm::Expected<SiteScores> mpq::scoreOutputs(const SensitivityRequest &request,
                                             OutputDistance distance) {
  return OutputScorer(request, distance).run();
}
