//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The CPU to compile for, as attributes of the module.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Program.h"
#include "mpq/Kernel/FloatActivations.h"
#include "mpq/Kernel/FloatTolerance.h"
#include "mpq/Kernel/QuantizedProduct.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
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
};

} // namespace
