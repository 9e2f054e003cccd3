//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The CPU to compile for, as attributes of the module.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"
#include "mpq/Execution/Program.h"
#include "mpq/Kernel/FloatActivations.h"
#include "mpq/Kernel/FloatTolerance.h"
#include "mpq/Kernel/QuantizedProduct.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SETTARGETPASS
#define GEN_PASS_DEF_SETTARGETPASS
#include "SetTarget.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

struct SetTargetPass : mpq::impl::SetTargetPassBase<SetTargetPass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::Expected<TargetSpec> target = getTarget(mcpu);
    if (!target) {
      getOperation().emitError(llvm::toString(target.takeError()));
      return signalPassFailure();
    }
    setKernelTarget(getOperation(), *target);
    if (failed(setMeasuredTiles(target->cpu)))
      return signalPassFailure();
    if (floatTolerance > 0)
      getOperation()->setAttr(
          kFloatToleranceAttr,
          Builder(&getContext()).getF64FloatAttr(floatTolerance));
    if (floatActivations == FloatActivations::BF16)
      getOperation()->setAttr(
          kFloatActivationsAttr,
          TypeAttr::get(BFloat16Type::get(&getContext())));
    if (activationProducts == ActivationProducts::Int8)
      getOperation()->setAttr(
          kActivationProductsAttr,
          StringAttr::get(&getContext(),
                          stringifyActivationProducts(activationProducts)));
  }

private:
  /// Tiles hold for the kernels and the CPU that were measured. Where the table is
  /// for others, kernels have their own.
  LogicalResult setMeasuredTiles(StringRef cpu) {
    llvm::Expected<CostTable> costs = table.empty() ? CostTable::lookup(cpu) : CostTable::read(table);
    if (!costs)
      return getOperation().emitError(llvm::toString(costs.takeError()));
    if (std::string doubt = costs->getDoubt(cpu); !doubt.empty()) {
      remark::missed(getOperation().getLoc(), remark::RemarkOpts::name("Tiles").category("mpq-set-target"))
          << remark::add("tiles of the cost table are not used") << remark::reason("{0}", doubt);
      costs->tiles.clear();
    }
    return setTiles(getOperation(), *costs);
  }
};

} // namespace
