//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The lines of a plan file as the choices of sites.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "mpq/Allocation/Plan.h"
#include "mpq/Analysis/Sites.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mpq {
#define GEN_PASS_DECL_APPLYPLANPASS
#define GEN_PASS_DEF_APPLYPLANPASS
#include "ApplyPlan.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Reports `file:line: error: message` at the line that it names.
LogicalResult report(func::FuncOp main, llvm::Error error) {
  std::string text = llvm::toString(std::move(error));
  auto [where, message] = StringRef(text).split(": error: ");
  if (message.empty())
    return main.emitError(text);
  auto [file, number] = where.rsplit(':');
  unsigned line = 0;
  if (number.getAsInteger(10, line)) // an error of the whole file
    return emitError(FileLineColLoc::get(main.getContext(), where, 1, 1))
           << message;
  return emitError(FileLineColLoc::get(main.getContext(), file, line, 1))
         << message;
}

std::vector<KnownSite> describe(ArrayRef<SiteOp> sites) {
  std::vector<KnownSite> known;
  for (SiteOp site : sites)
    known.push_back({site.getName().str(), site.getTie().value_or("").str(),
                     uint64_t(getNumWeights(site))});
  return known;
}

/// The index of the candidate for `format`, made if it is not there.
unsigned getCandidate(SiteOp site, FormatAttrInterface format) {
  SmallVector<Attribute> candidates(site.getCandidates().getValue());
  for (auto [index, candidate] : llvm::enumerate(candidates))
    if (cast<CandidateAttr>(candidate).getFormat() == format)
      return index;
  candidates.push_back(makeCandidate(site, format));
  site.setCandidatesAttr(ArrayAttr::get(site.getContext(), candidates));
  return candidates.size() - 1;
}

struct ApplyPlanPass : mpq::impl::ApplyPlanPassBase<ApplyPlanPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main || failed(apply(main)))
      return signalPassFailure();
    setStage(getOperation(), Stage::Planned);
  }

private:
  LogicalResult apply(func::FuncOp main) {
    auto text = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
    if (!text)
      return main.emitError("cannot read the plan '")
             << file << "': " << text.getError().message();
    llvm::Expected<Plan> plan = Plan::parse(**text);
    if (!plan)
      return report(main, plan.takeError());
    if (getSites(main).empty() && failed(insertSites(main, SiteOptions())))
      return failure();
    SmallVector<SiteOp> sites = getSites(main);
    auto checkFormat = [&](const PlanSite &line) -> llvm::Error {
      return parseFormat(line.format, &getContext()).takeError();
    };
    SmallVector<StringRef> known(getDefaultFormats().begin(),
                                 getDefaultFormats().end());
    if (llvm::Error error = plan->validate(describe(sites), checkFormat, known))
      return report(main, std::move(error));
    for (SiteOp site : sites)
      setChoice(site, *plan->find(site.getName()));
    return success();
  }

  void setChoice(SiteOp site, const PlanSite &line) {
    Builder builder(site.getContext());
    site->setAttr(kActivationsAttr, builder.getStringAttr(line.activations));
    remark::passed(site.getLoc(), remark::RemarkOpts::name("Planned").category(
                                      "mpq-apply-plan"))
        << remark::add("site '{0}' gets {1}, its activations {2}",
                       site.getName(), line.format, line.activations);
    if (line.format == Plan::floatFormat) {
      site.removeChoiceAttr();
      return;
    }
    FormatAttrInterface format = llvm::cantFail(
        parseFormat(line.format, site.getContext())); // validated
    site.setChoiceAttr(builder.getI64IntegerAttr(getCandidate(site, format)));
  }
};

} // namespace
