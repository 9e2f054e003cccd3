//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A model inside the compiler, and how far variants of it are from it.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_OUTPUTSENSITIVITY_OUTPUTSCORER_H
#define MPQ_ANALYSIS_OUTPUTSENSITIVITY_OUTPUTSCORER_H

#include "mpq/Analysis/OutputSensitivity.h"

#include <map>

namespace mpq {

/// Some sites in candidates of theirs. The first one's score it is.
struct Variant {
  llvm::SmallVector<std::pair<unsigned, unsigned>, 1> parts; ///< site, candidate
};

/// The candidate that stands for the weight as it is.
constexpr unsigned kUnquantized = ~0u;

/// A model inside the compiler, and how far variants of it are from it.
class OutputScorer {
public:
  OutputScorer(const SensitivityRequest &request,
               const OutputComparison &comparison)
      : request(request), comparison(comparison) {}

  llvm::Error initialize();

  /// Every candidate of every site, alone.
  llvm::Expected<SiteScores> score();

  /// The scores of variants of the program with the weights `base`,
  /// in as few runs as the memory limit allows; each run repeats the baseline.
  llvm::Expected<std::vector<double>> runTogether(llvm::ArrayRef<Variant> variants,
                                                  const Variant &base = {});

  /// The sites that are replaced together with `site`, itself first. Empty if it
  /// is tied to an earlier one, which stands for both.
  llvm::SmallVector<unsigned> getTied(unsigned site) const;

  llvm::ArrayRef<SiteOp> getSites() const { return request.sites; }
  bool hasSlot(unsigned site) const { return slots[site].has_value(); }

  /// The first candidate of the format of candidate `index`: as far as weights
  /// go, they are the same.
  unsigned getFirstOfFormat(unsigned site, unsigned index) const {
    unsigned first = 0;
    while (getCandidate(site, first).getFormat() !=
           getCandidate(site, index).getFormat())
      ++first;
    return first;
  }

private:
  class Packed;
  llvm::Error scoreTogether(SiteScores &scores);
  llvm::Error scoreAlone(unsigned site, SiteScores &scores);
  llvm::Error scoreActivations(unsigned site, SiteScores &scores);
  uint64_t getVariantLimit() const;
  /// What keeping the payload of a candidate takes, if it is not there yet.
  uint64_t getPayloadBytes(unsigned site, unsigned candidate) const;
  unsigned countReaders(unsigned site) const;
  llvm::Error keepBaseline();
  llvm::Expected<double> compareWithBaseline(mlir::ModuleOp variant);

  const ProgramSlot &getSlot(unsigned site) const {
    return executor->getProgram().getSlots()[*slots[site]];
  }

  CandidateAttr getCandidate(unsigned site, unsigned index) const {
    SiteOp op = request.sites[site];
    return llvm::cast<CandidateAttr>(op.getCandidates()[index]);
  }

  /// The weight of `site` after it has been stored so. Searching for scales and
  /// tables takes a while, so that payloads are kept.
  std::vector<float> getVariantWeights(unsigned site, unsigned candidate) {
    if (candidate == kUnquantized)
      return weights[site];
    candidate = getFirstOfFormat(site, candidate);
    FormatAttrInterface format = getCandidate(site, candidate).getFormat();
    std::vector<char> &payload = payloads[{site, candidate}];
    if (payload.empty())
      payload = encodeWeights(request.sites[site], format, weights[site]);
    return decodeWeights(request.sites[site], format, payload);
  }

  ExecutorOptions getExecutorOptions() const {
    ExecutorOptions options;
    options.threads = request.threads;
    options.memLimit = request.memLimit;
    return options;
  }

  const SensitivityRequest &request;
  const OutputComparison &comparison;
  std::vector<std::vector<float>> weights;
  std::map<std::pair<unsigned, unsigned>, std::vector<char>> payloads;
  std::unique_ptr<Executor> executor;
  std::optional<Dataset> data;
  /// Where the program reads each site, if that can be replaced alone.
  std::vector<std::optional<unsigned>> slots;
  std::vector<std::vector<char>> baseline; ///< [sample * outputs + output]
};

} // namespace mpq

#endif // MPQ_ANALYSIS_OUTPUTSENSITIVITY_OUTPUTSCORER_H
