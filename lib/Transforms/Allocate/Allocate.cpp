//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sites as an allocation problem, and its solution as their choices.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "mpq/Allocation/Allocator.h"
#include "mpq/Analysis/Labels.h"
#include "mpq/Analysis/Limits.h"
#include "mpq/Analysis/Sites.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DECL_ALLOCATEPASS
#define GEN_PASS_DEF_ALLOCATEPASS
#include "Allocate.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Every candidate has been measured, all of them by the same metric.
LogicalResult checkMeasured(ArrayRef<SiteOp> sites) {
  SiteOp first;
  StringRef metric;
  for (SiteOp site : sites)
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>()) {
      if (candidate.getMetric().empty())
        return site.emitOpError("site '")
               << site.getName() << "' has no measured error for "
               << getLabel(site, candidate)
               << "; run mpq-sensitivity first";
      if (!first) {
        first = site;
        metric = candidate.getMetric();
      }
      if (candidate.getMetric() != metric)
        return site.emitOpError("site '")
               << site.getName() << "' was measured by metric '"
               << candidate.getMetric() << "' when site '" << first.getName()
               << "' was by '" << metric << "'";
    }
  return success();
}

/// Whether activations are a part of the choice.
bool decidesActivations(ArrayRef<SiteOp> sites) {
  return llvm::any_of(sites, [](SiteOp site) {
    return llvm::any_of(site.getCandidates().getAsRange<CandidateAttr>(),
                        [](CandidateAttr c) { return bool(c.getActivations()); });
  });
}

/// Whether there is a predicted time for every op that has a weight.
bool hasTimes(ArrayRef<SiteOp> sites) {
  return llvm::any_of(sites, [](SiteOp site) {
    return llvm::any_of(site.getCandidates().getAsRange<CandidateAttr>(),
                        [](CandidateAttr c) { return c.getNanoseconds() > 0; });
  });
}

/// The columns of the problem.
constexpr unsigned kBytes = 0, kNanoseconds = 1;

AllocationProblem makeProblem(ArrayRef<SiteOp> sites,
                              std::optional<int64_t> maxBytes,
                              std::optional<int64_t> maxNanoseconds) {
  AllocationProblem problem;
  problem.budgets.push_back({"bytes", maxBytes});
  problem.budgets.push_back({"ns", maxNanoseconds});
  for (SiteOp site : sites) {
    AllocationSite &entry = problem.sites.emplace_back();
    entry.name = site.getName().str();
    entry.tie = site.getTie().value_or("").str();
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
      entry.choices.push_back(
          {getLabel(site, candidate),
           {countBytes(site, candidate), candidate.getNanoseconds()},
           candidate.getError()});
  }
  return problem;
}

void report(SiteOp site) {
  CandidateAttr chosen = site.getChosen();
  double bits = 8.0 * chosen.getBytes() / getNumWeights(site);
  remark::passed(site.getLoc(),
                 remark::RemarkOpts::name("Chosen").category("mpq-allocate"))
      << remark::add("site '{0}' gets {1}", site.getName(),
                     getLabel(site, chosen))
      << remark::metric("bits", bits)
      << remark::metric("bytes", chosen.getBytes())
      << remark::metric("error", double(chosen.getError()));
}

struct AllocatePass : mpq::impl::AllocatePassBase<AllocatePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main || failed(allocateSites(main)))
      return signalPassFailure();
    setStage(getOperation(), Stage::Planned);
  }

private:
  LogicalResult allocateSites(func::FuncOp main) {
    SmallVector<SiteOp> sites = getSites(main);
    if (sites.empty())
      return main.emitError(
          "there is no site to choose a format for: mpq-sites has not run, or "
          "found no weight that can be quantized");
    int64_t weights = 0;
    for (SiteOp site : sites)
      weights += countWeights(site);
    std::optional<int64_t> limit = getLimit(weights);
    if (!limit && maxNanoseconds < 0)
      return main.emitError("there is no budget; give avg-bits=, max-bytes= or "
                            "max-ns=, not negative");
    if (failed(checkMeasured(sites)))
      return failure();
    if ((maxNanoseconds >= 0 || decidesActivations(sites)) && !hasTimes(sites))
      return main.emitError("no candidate has a predicted time; run "
                            "mpq-predict-cost first");
    if (!(errorSlack >= 0))
      return main.emitError("error-slack is ")
             << double(errorSlack) << " when it should be at least 0";

    if (failed(checkLimits(main, getLimits())))
      return failure();
    llvm::Expected<Solution> solution = solve(sites, limit);
    if (!solution)
      return main.emitError(llvm::toString(solution.takeError()));
    Builder builder(main.getContext());
    for (auto [site, choice] : llvm::zip(sites, solution->choices)) {
      site.setChoiceAttr(builder.getI64IntegerAttr(choice));
      report(site);
    }
    remark::passed(
        main.getLoc(),
        remark::RemarkOpts::name("Allocated").category("mpq-allocate"))
        << remark::add("{0} sites by {1}", sites.size(), allocator.getValue())
        << remark::metric("weights", weights)
        << remark::metric("bytes", solution->costs[kBytes])
        << remark::metric("limit", limit.value_or(-1))
        << remark::metric("averageBits",
                          8.0 * solution->costs[kBytes] / weights)
        << remark::metric("ns", solution->costs[kNanoseconds])
        << remark::metric("error", solution->error)
        << remark::metric("bound", solution->bound)
        << remark::metric("optimal", solution->optimal);
    return success();
  }

  /// Within a limit of time if there is one. Otherwise, where activations are to
  /// be decided about, the fastest of the good allocations.
  llvm::Expected<Solution> solve(ArrayRef<SiteOp> sites,
                                 std::optional<int64_t> limit) {
    if (maxNanoseconds >= 0)
      return allocate(allocator, makeProblem(sites, limit, maxNanoseconds));
    AllocationProblem problem = makeProblem(sites, limit, std::nullopt);
    if (decidesActivations(sites))
      return allocateCheapest(allocator, problem, kNanoseconds, errorSlack);
    return allocate(allocator, problem);
  }

  Limits getLimits() const {
    Limits limits;
    if (averageBits >= 0)
      limits.averageBits = averageBits;
    if (maxBytes >= 0)
      limits.maxBytes = maxBytes;
    if (maxNanoseconds >= 0)
      limits.maxNanoseconds = maxNanoseconds;
    return limits;
  }

  /// The bytes that all sites together may take.
  std::optional<int64_t> getLimit(int64_t weights) const {
    std::optional<int64_t> limit;
    if (averageBits >= 0) // not for NaN
      limit = int64_t(std::floor(std::min<double>(
          averageBits * double(weights) / 8, int64_t(1) << 62)));
    if (maxBytes >= 0)
      limit = std::min<int64_t>(limit.value_or(maxBytes), maxBytes);
    return limit;
  }
};

} // namespace
