//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes what a cost table predicts into the candidates of the sites.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

namespace mpq {
#define GEN_PASS_DECL_PREDICTCOSTPASS
#define GEN_PASS_DEF_PREDICTCOSTPASS
#include "PredictCost.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

struct PredictCostPass : mpq::impl::PredictCostPassBase<PredictCostPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    if (dynamicSize < 1) {
      main.emitError("dynamic-size is ")
          << dynamicSize.getValue() << " when it should be at least 1";
      return signalPassFailure();
    }
    llvm::Expected<CostTable> costs = getTable(main);
    if (!costs) {
      main.emitError(llvm::toString(costs.takeError()));
      return signalPassFailure();
    }
    for (SiteOp site : getSites(main))
      predict(site, *costs);
  }

private:
  llvm::Expected<CostTable> getTable(func::FuncOp main) {
    if (!table.empty()) {
      auto text = llvm::MemoryBuffer::getFile(table, /*IsText=*/true);
      if (!text)
        return llvm::createStringError("cannot read the cost table '" + table +
                                       "': " + text.getError().message());
      return CostTable::parse(**text);
    }
    StringRef name =
        cpu == "native" ? llvm::sys::getHostCPUName() : StringRef(cpu);
    const CostTable &costs = CostTable::lookup(name);
    if (costs.cpu != name)
      remark::missed(
          main.getLoc(),
          remark::RemarkOpts::name("CostTable").category("mpq-predict-cost"))
          << remark::add("times are predicted with the table of {0}", costs.cpu)
          << remark::reason("there is none for {0}", name);
    return costs;
  }

  void predict(SiteOp site, const CostTable &costs) {
    SmallVector<Attribute> candidates;
    for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>()) {
      Activations activations =
          candidate.getActivations().value_or(Activations::F32);
      candidates.push_back(candidate.withNanoseconds(
          predictNanoseconds(site, activations, costs, dynamicSize)));
    }
    site.setCandidatesAttr(ArrayAttr::get(&getContext(), candidates));
  }
};

} // namespace
