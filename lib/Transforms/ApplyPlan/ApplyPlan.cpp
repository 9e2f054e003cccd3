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
#include "llvm/Support/FormatVariadic.h"
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
    // Any number of bits, but one for all.
    static constexpr StringRef kActivations[] = {
        "f32", "int1", "int2", "int3", "int4", "int5", "int6", "int7", "int8"};
    if (llvm::Error error =
            plan->validate(describe(sites), checkFormat, known, kActivations))
      return report(main, std::move(error));
    if (llvm::Error error = setActivationBits(*plan))
      return report(main, std::move(error));
    for (SiteOp site : sites)
      setChoice(site, *plan->find(site.getName()));
    return success();
  }

  /// The module gets the bits of the activations that the plan has integers for.
  llvm::Error setActivationBits(const Plan &plan) {
    ModuleOp module = getOperation();
    const PlanSite *first = nullptr;
    for (const PlanSite &site : plan.sites) {
      if (site.activations == "f32")
        continue;
      if (first && site.activations != first->activations)
        return llvm::createStringError(llvm::formatv(
            "{0}:{1}: error: site '{2}' has activations {3} when site '{4}' has {5}: "
            "integers have the same bits everywhere",
            plan.file, site.line, site.name, site.activations, first->name,
            first->activations));
      first = &site;
    }
    if (!first)
      return llvm::Error::success();
    int64_t bits;
    [[maybe_unused]] bool isWrong =
        StringRef(first->activations).drop_front(3).getAsInteger(10, bits);
    assert(!isWrong && "validated");
    auto said = module->getAttrOfType<IntegerAttr>(kActivationBitsAttr);
    if (said && said.getInt() != bits)
      return llvm::createStringError(llvm::formatv(
          "{0}:{1}: error: site '{2}' has activations {3} when those of the model have "
          "{4} bits",
          plan.file, first->line, first->name, first->activations,
          said.getInt()));
    if (bits != 8)
      module->setAttr(
          kActivationBitsAttr,
          IntegerAttr::get(IntegerType::get(&getContext(), 64), bits));
    return llvm::Error::success();
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
