//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where lowering has left something undone.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "dialects/ONNX/ONNX.h"
#include "mpq/Analysis/Sites.h"
#include "mpq/Kernel/NamedFamily.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYLOWEREDPASS
#include "VerifyLowered.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verifyKernel(ComputeOpInterface op) {
  if (!getNamedFamily(op, KernelTarget::get(op)))
    return failure();
  OpOperand *weight = op.getWeightOperand();
  if (weight && !weight->get().getDefiningOp<PackOp>())
    return op->emitOpError("reads a weight that is not packed; run mpq-pack-weights");
  return success();
}

LogicalResult verifyPack(PackOp op) {
  Operation *source = op.getWeight().getDefiningOp();
  if (!source || !(isa<mpq::ConstantOp>(source) || matchPattern(source, m_Constant())))
    return op.emitOpError("packs '") << op.getSite() << "', which is not a constant";
  if (!SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getPackerAttr()))
    return op.emitOpError("packs with @") << op.getPacker() << ", which is not a function of the module";
  return success();
}

LogicalResult verify(Operation *op) {
  if (isa<onnx::ONNXDialect, quant::QuantDialect>(op->getDialect()) || isa<SiteOp, DequantizeOp>(op))
    return op->emitOpError("is of an earlier stage; run mpq-lowering-pipeline");
  auto function = op->getParentOfType<func::FuncOp>();
  bool hasSymbols = function && function->hasAttr(onnx::kSymbolsAttr);
  for (Type type : op->getResultTypes())
    if (auto tensor = dyn_cast<TensorType>(type); tensor && !tensor.hasStaticShape() && !hasSymbols)
      return op->emitOpError("makes ") << type << ", whose shape is not static";
  if (auto compute = dyn_cast<ComputeOpInterface>(op))
    return verifyKernel(compute);
  if (auto pack = dyn_cast<PackOp>(op))
    return verifyPack(pack);
  return success();
}

struct VerifyLoweredPass : mpq::impl::VerifyLoweredPassBase<VerifyLoweredPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main || !requireAttr<TargetAttr>(getOperation(), kTargetAttr))
      return signalPassFailure();
    WalkResult result = main.walk([](Operation *op) { return failed(verify(op)) ? WalkResult::interrupt() : WalkResult::advance(); });
    if (result.wasInterrupted())
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
