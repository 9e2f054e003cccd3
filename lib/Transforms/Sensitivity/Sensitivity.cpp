//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Asks a SensitivityMetric for the scores of all candidates and writes them
// into the sites.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Divergence.h"
#include "mpq/Analysis/Ranges.h"
#include "mpq/Analysis/Labels.h"
#include "mpq/Analysis/Sensitivity.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SENSITIVITYPASS
#define GEN_PASS_DEF_SENSITIVITYPASS
#include "Sensitivity.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

void setScores(SiteOp site, StringRef metric, ArrayRef<double> scores) {
  SmallVector<Attribute> candidates;
  auto remark = remark::analysis(
      site.getLoc(),
      remark::RemarkOpts::name("Scored").category("mpq-sensitivity"));
  remark << remark::add("site '{0}' scored by {1}", site.getName(), metric);
  for (auto [candidate, score] :
       llvm::zip(site.getCandidates().getAsRange<CandidateAttr>(), scores)) {
    candidates.push_back(candidate.withError(score, metric));
    std::string label = getLabel(site, candidate);
    remark << remark::detail::Remark::Arg(label,
                                          llvm::formatv("{0:e3}", score).str());
  }
  site.setCandidatesAttr(ArrayAttr::get(site.getContext(), candidates));
}

struct SensitivityPass : mpq::impl::SensitivityPassBase<SensitivityPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    func::FuncOp main = lookupMain(module);
    if (!main ||
        (getSites(main).empty() && failed(insertSites(main, SiteOptions()))))
      return signalPassFailure();

    SensitivityRequest request;
    request.module = module;
    for (SiteOp site : getSites(main))
      request.sites.push_back(site);
    request.data = data;
    if (request.data.empty())
      if (auto calibrated =
              module->getAttrOfType<StringAttr>(kCalibrationDataAttr))
        request.data = calibrated.str();
    request.threads = threads;
    request.memLimit = memLimit;
    std::string name = metric;
    if (name.empty())
      name = stringifyDivergence(chooseDivergence(module)).str();
    llvm::Expected<SiteScores> scores = scoreSites(name, request);
    if (!scores) {
      main.emitError(llvm::toString(scores.takeError()));
      return signalPassFailure();
    }
    for (auto [site, list] : llvm::zip(request.sites, *scores))
      setScores(site, name, list);
  }
};

} // namespace
