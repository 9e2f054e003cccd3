//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes what a cost table predicts into the candidates of the sites.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Activations.h"
#include "mpq/Analysis/Cost.h"
#include "mpq/Execution/Program.h"
#include "mpq/Kernel/KernelFamily.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>

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
    std::optional<KernelTarget> kernelTarget = getKernelTarget(main);
    if (!kernelTarget)
      return signalPassFailure();
    predictAll(main, *costs, *kernelTarget);
  }

private:
  llvm::Expected<CostTable> getTable(func::FuncOp main) {
    if (!table.empty()) {
      llvm::Expected<CostTable> costs = CostTable::read(table);
      if (!costs)
        return costs.takeError();
      if (std::string doubt = costs->getDoubt(getCpuName()); !doubt.empty())
        main.emitWarning("the times of the cost table '")
            << table << "' may not hold: " << doubt
            << "; quant-bench --tune measures a new one";
      return costs;
    }
    StringRef name = getCpuName();
    const CostTable &costs = CostTable::lookup(name);
    if (costs.cpu != name)
      remark::missed(
          main.getLoc(),
          remark::RemarkOpts::name("CostTable").category("mpq-predict-cost"))
          << remark::add("times are predicted with the table of {0}", costs.cpu)
          << remark::reason("there is none for {0}", name);
    return costs;
  }

  StringRef getCpuName() const {
    return cpu == "native" ? llvm::sys::getHostCPUName() : StringRef(cpu);
  }

  /// What kernels may know about the CPU; nothing after an error.
  std::optional<KernelTarget> getKernelTarget(func::FuncOp main) {
    llvm::Expected<TargetSpec> spec = getTarget(cpu);
    if (!spec) {
      main.emitError(llvm::toString(spec.takeError()));
      return std::nullopt;
    }
    OwningOpRef<ModuleOp> module = ModuleOp::create(main.getLoc());
    setKernelTarget(*module, *spec);
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    return KernelTarget::get(ModuleOp::create(builder, main.getLoc()));
  }

  /// Whether weights come from a cache depends on all of them, so on what is
  /// yet to be decided: as if each had the largest of its candidates.
  void predictAll(func::FuncOp main, const CostTable &costs,
                  const KernelTarget &target) {
    SmallVector<SiteOp> sites = getSites(main);
    double modelBytes = 0;
    for (SiteOp site : sites) {
      int64_t largest = 0;
      for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
        largest = std::max(largest, candidate.getBytes());
      modelBytes += largest;
    }
    for (SiteOp site : sites) {
      SmallVector<Attribute> candidates;
      for (auto candidate : site.getCandidates().getAsRange<CandidateAttr>())
        candidates.push_back(candidate.withNanoseconds(std::llround(predictSite(
            site, candidate, costs, target, modelBytes, dynamicSize, activations))));
      site.setCandidatesAttr(ArrayAttr::get(&getContext(), candidates));
    }
  }
};

} // namespace
