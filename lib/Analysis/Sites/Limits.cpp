//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mpq/Analysis/Limits.h"

#include "mpq/Analysis/Sites.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;

/// The sum over all sites of the least that `getCost` gives for a candidate.
static int64_t sumLeast(ArrayRef<SiteOp> sites, function_ref<int64_t(SiteOp, CandidateAttr)> getCost) {
  int64_t sum = 0;
  for (SiteOp site : sites) {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
      least = std::min(least, getCost(site, candidate));
    sum += least;
  }
  return sum;
}

/// An error where `least` is more than `limit`, both printed with three decimals.
static LogicalResult check(func::FuncOp main, double limit, double least, StringRef unit, StringRef which) {
  if (least <= limit)
    return success();
  return main.emitError(
      llvm::formatv("the limit is {0:F3} {1} when all sites take {2:F3} in their {3} candidates", limit, unit, least, which)
          .str());
}

LogicalResult mpq::checkLimits(func::FuncOp main, const Limits &limits) {
  SmallVector<SiteOp> sites = getSites(main);
  int64_t weights = 0;
  for (SiteOp site : sites)
    weights += countWeights(site);
  int64_t bytes = sumLeast(sites, countBytes);
  int64_t nanoseconds = sumLeast(sites, [](SiteOp, CandidateAttr candidate) { return candidate.getNanoseconds(); });
  if (limits.averageBits && weights &&
      failed(check(main, *limits.averageBits, 8.0 * bytes / weights, "bits a weight", "smallest")))
    return failure();
  if (limits.maxBytes && *limits.maxBytes < bytes)
    return main.emitError("the limit is ") << *limits.maxBytes << " bytes when all sites take " << bytes
                                           << " in their smallest candidates";
  if (limits.maxNanoseconds)
    return check(main, *limits.maxNanoseconds / 1e3, nanoseconds / 1e3, "us", "fastest");
  return success();
}
