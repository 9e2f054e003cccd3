//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Takes the candidates of few bits from the first and the last site:
//
//     conv1: int2, int4, int8        conv1: int8
//     conv2: int2, int4, int8   =>   conv2: int2, int4, int8
//     fc:    int2, int4, int8        fc:    int8
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sites.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_PINENDSPASS
#define GEN_PASS_DEF_PINENDSPASS
#include "PinEnds.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

struct PinEndsPass : mpq::impl::PinEndsPassBase<PinEndsPass> {
  using Base::Base;

  LogicalResult pin(SiteOp site) {
    if (site.getChoice())
      return site.emitOpError("site '") << site.getName() << "' already has a format; run mpq-pin-ends before a choice";
    SmallVector<Attribute> kept;
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
      if (candidate.getFormat().getCodeBits() >= minBits)
        kept.push_back(candidate);
    if (kept.empty())
      return site.emitOpError("site '") << site.getName() << "' has no candidate of " << unsigned(minBits) << " bits or more";
    remark::passed(site.getLoc(), remark::RemarkOpts::name("Pinned").category("mpq-pin-ends"))
        << remark::add("site '{0}' keeps {1} of {2} formats", site.getName(), kept.size(), site.getCandidates().size());
    site.setCandidatesAttr(ArrayAttr::get(&getContext(), kept));
    return success();
  }

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    SmallVector<SiteOp> sites = getSites(main);
    if (sites.empty()) {
      main.emitError("@main has no sites; run mpq-sites first");
      return signalPassFailure();
    }
    if (failed(pin(sites.front())) || (sites.size() > 1 && failed(pin(sites.back()))))
      signalPassFailure();
  }
};

} // namespace
