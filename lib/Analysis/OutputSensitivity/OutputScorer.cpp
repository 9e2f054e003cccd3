//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Variants of one program, many at once in the memory that there is.
//
//===----------------------------------------------------------------------===//

#include "OutputScorer.h"

#include "ScoringModule.h"

#include "mpq/Support/Memory.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace mpq;

/// Bytes that variants may take at once, however much there is.
static constexpr uint64_t kMaxVariantBytes = uint64_t(1) << 29;

/// The packed weights of variants, which must live while they run.
class OutputScorer::Packed {
public:
  explicit Packed(OutputScorer &scorer) : scorer(scorer) {}

  /// What `add` keeps: the packed weights, and payloads that are new.
  uint64_t getBytes(const Variant &variant) const {
    uint64_t bytes = 0;
    for (auto [site, candidate] : variant.parts)
      bytes += scorer.getSlot(site).bytes + scorer.getPayloadBytes(site, candidate);
    return bytes;
  }

  WeightVariant add(const Variant &variant) {
    WeightVariant parts;
    for (auto [site, candidate] : variant.parts) {
      bytes.push_back(scorer.executor->pack(*scorer.slots[site], scorer.getVariantWeights(site, candidate)));
      parts.push_back({*scorer.slots[site], ArrayRef(bytes.back().data(), bytes.back().size())});
    }
    return parts;
  }

private:
  OutputScorer &scorer;
  std::vector<AlignedBytes> bytes; // what they point to does not move
};

llvm::Error OutputScorer::initialize() {
  for (SiteOp site : request.sites) {
    std::optional<std::vector<float>> values = readWeights(site);
    if (!values)
      return llvm::createStringError("cannot score site '" + site.getName() +
                                     "'");
    weights.push_back(std::move(*values));
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
  if (llvm::Error error = comparison.checkSamples(data->size()))
    return error;
  for (auto [index, site] : llvm::enumerate(request.sites)) {
    llvm::Expected<unsigned> slot =
        scoring.getOnlySlot(index, executor->getProgram().getSlots());
    slots.push_back(slot ? std::optional(*slot) : std::nullopt);
    if (slot)
      continue;
    SiteOp op = site;
    remark::missed(
        op.getLoc(),
        remark::RemarkOpts::name("ScoredAlone").category("mpq-sensitivity"))
        << remark::add("site '{0}' is scored by compiling every candidate",
                       op.getName())
        << remark::reason("{0}", llvm::toString(slot.takeError()));
  }
  return llvm::Error::success();
}

SmallVector<unsigned> OutputScorer::getTied(unsigned site) const {
  SiteOp op = request.sites[site];
  SmallVector<unsigned> tied;
  for (auto [index, other] : llvm::enumerate(request.sites)) {
    SiteOp candidate = other;
    if (index == site || (op.getTie() && op.getTie() == candidate.getTie()))
      tied.push_back(index);
  }
  if (!llvm::all_of(tied, [&](unsigned part) { return hasSlot(part); }))
    return {site};
  return tied.front() == site ? tied : SmallVector<unsigned>();
}

/// At most half of the memory that is left, and no more than one thread and a
/// weight between formats leave.
uint64_t OutputScorer::getVariantLimit() const {
  uint64_t rest = MemoryLimit(request.memLimit).getRest();
  uint64_t needed = executor->getVariantRunnerBytes();
  for (const std::vector<float> &values : weights)
    needed = std::max(needed, executor->getVariantRunnerBytes() + 3 * values.size() * sizeof(float));
  return std::min({kMaxVariantBytes, rest / 2, rest - std::min(rest, needed)});
}

uint64_t OutputScorer::getPayloadBytes(unsigned site, unsigned candidate) const {
  if (candidate == kUnquantized || payloads.count({site, getFirstOfFormat(site, candidate)}))
    return 0;
  return countBytes(request.sites[site], getCandidate(site, candidate));
}

llvm::Expected<std::vector<double>>
OutputScorer::runTogether(ArrayRef<Variant> variants, const Variant &base) {
  Packed basePacked(*this);
  WeightVariant baseParts = basePacked.add(base);
  size_t width = comparison.getWidth();
  uint64_t keptBytes = data->size() * width * sizeof(float);
  std::vector<double> scores;
  while (!variants.empty()) {
    Packed packed(*this);
    std::vector<WeightVariant> chunk;
    uint64_t bytes = 0, limit = getVariantLimit();
    for (const Variant &variant : variants) {
      bytes += packed.getBytes(variant) + keptBytes;
      if (!chunk.empty() && bytes > limit)
        break;
      chunk.push_back(packed.add(variant));
    }
    std::vector<std::vector<float>> kept(
        chunk.size(), std::vector<float>(data->size() * width));
    auto compare = [&](unsigned variant, int64_t sample, auto reference,
                       auto outputs) {
      comparison.compare(
          reference, outputs,
          MutableArrayRef(kept[variant]).slice(sample * width, width));
    };
    if (llvm::Error error =
            executor->runVariants(*data, chunk, compare, baseParts))
      return std::move(error);
    std::vector<double> results(chunk.size());
    ModuleOp module = request.module;
    parallelFor(module.getContext(), 0, chunk.size(),
                [&](size_t i) { results[i] = comparison.reduce(kept[i]); });
    llvm::append_range(scores, results);
    variants = variants.drop_front(chunk.size());
  }
  return scores;
}
