//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the site, where the decisions of a plan contradict each other.
//
//===----------------------------------------------------------------------===//

#include "dialects/ONNX/ONNX.h"
#include "mpq/Analysis/Sites.h"

#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYPLANNEDPASS
#include "VerifyPlanned.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

class PlanVerifier {
public:
  LogicalResult verify(SiteOp site) {
    return success(
        succeeded(verifyName(site)) && succeeded(verifyWeight(site)) &&
        succeeded(verifyCandidates(site)) && succeeded(verifyTie(site)) &&
        succeeded(verifyActivations(site)));
  }

private:
  LogicalResult verifyName(SiteOp site) {
    auto [entry, isNew] = byName.try_emplace(site.getName(), site);
    if (isNew)
      return success();
    return (site.emitOpError("name '") << site.getName() << "' is not unique")
               .attachNote(entry->second.getLoc())
           << "another site of this name";
  }

  LogicalResult verifyWeight(SiteOp site) {
    if (site.getWeight().getDefiningOp<onnx::ConstantOp>())
      return success();
    return site.emitOpError("weight '")
           << site.getName() << "' is not a constant";
  }

  LogicalResult verifyCandidates(SiteOp site) {
    llvm::StringSet<> labels;
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
      if (!labels.insert(candidate.getLabel()).second)
        return site.emitOpError("site '")
               << site.getName() << "' has the candidate "
               << candidate.getLabel() << " twice";
    return success();
  }

  LogicalResult verifyTie(SiteOp site) {
    if (!site.getTie())
      return success();
    SiteOp first = byTie.try_emplace(*site.getTie(), site).first->second;
    auto getFormats = [](SiteOp op) {
      return llvm::map_to_vector(op.getCandidates().getAsRange<CandidateAttr>(),
                                 [](CandidateAttr candidate) {
                                   return candidate.getLabel();
                                 });
    };
    auto getChoice = [](SiteOp op) {
      CandidateAttr chosen = op.getChosen();
      return chosen ? chosen.getLabel() : "float";
    };
    if (getFormats(first) != getFormats(site))
      return site.emitOpError("site '")
             << site.getName() << "' has the candidates "
             << llvm::join(getFormats(site), ", ") << " when '"
             << first.getName() << "', with the same tie '" << *site.getTie()
             << "', has " << llvm::join(getFormats(first), ", ");
    if (getChoice(first) != getChoice(site))
      return site.emitOpError("site '")
             << site.getName() << "' gets " << getChoice(site) << " when '"
             << first.getName() << "', with the same tie '" << *site.getTie()
             << "', gets " << getChoice(first);
    return success();
  }

  static LogicalResult verifyActivations(SiteOp site) {
    return getActivations(site, Activations::F32);
  }

  llvm::StringMap<SiteOp> byName, byTie;
};

struct VerifyPlannedPass : mpq::impl::VerifyPlannedPassBase<VerifyPlannedPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main || failed(verify(main)))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult verify(func::FuncOp main) {
    PlanVerifier verifier;
    for (Operation &op : main.getBody().front()) {
      if (getQuantizableWeight(&op))
        return op.emitOpError("has a weight that could be quantized, but no "
                              "site; run mpq-sites first");
      if (auto site = dyn_cast<SiteOp>(op);
          site && failed(verifier.verify(site)))
        return failure();
    }
    return success();
  }
};

} // namespace
