//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The stage, as an attribute of the module.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SETSTAGEPASS
#define GEN_PASS_DEF_SETSTAGEPASS
#include "SetStage.h.inc"
} // namespace mpq

namespace {

struct SetStagePass : mpq::impl::SetStagePassBase<SetStagePass> {
  using Base::Base;

  void runOnOperation() override {
    if (stage >= mpq::Stage::Lowered && failed(checkLowered()))
      return signalPassFailure();
    mpq::setStage(getOperation(), stage);
  }

private:
  /// A pipeline that has found nothing to do is no stage.
  llvm::LogicalResult checkLowered() {
    mlir::WalkResult result = getOperation().walk([&](mlir::Operation *op) {
      if (op->getName().getDialectNamespace() != "onnx")
        return mlir::WalkResult::advance();
      op->emitOpError("is left when the stage is to be '")
          << mpq::stringifyStage(stage) << "'; run mpq-lowering-pipeline first";
      return mlir::WalkResult::interrupt();
    });
    return llvm::failure(result.wasInterrupted());
  }
};

} // namespace
