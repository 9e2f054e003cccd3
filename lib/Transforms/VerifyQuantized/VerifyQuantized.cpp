//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where a decision has not been applied or an activation
// is quantized in a way that lowering does not know.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sites.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYQUANTIZEDPASS
#include "VerifyQuantized.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verifyStored(mpq::ConstantOp constant) {
  for (Operation *user : constant->getUsers())
    if (!isa<MPQDialect>(user->getDialect()))
      return user->emitOpError(
          "reads a stored weight, which only ops of MPQ do");
  return success();
}

LogicalResult verifyCodes(Operation *op, Type type) {
  auto uniform =
      dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(type));
  if (uniform && !uniform.isSigned() &&
      uniform.getStorageTypeIntegralWidth() == 8)
    return success();
  return op->emitOpError("quantizes to ")
         << type << " when it should be !quant.uniform<u8:f32, scale:zero>";
}

LogicalResult verify(Operation *op) {
  if (auto site = dyn_cast<SiteOp>(op)) {
    if (CandidateAttr chosen = site.getChosen())
      return site.emitOpError("site '")
             << site.getName() << "' is not stored in "
             << chosen.getFormat().getSpelling()
             << " yet; run mpq-quantize first";
    return success();
  }
  if (auto constant = dyn_cast<mpq::ConstantOp>(op))
    return verifyStored(constant);
  if (auto cast = dyn_cast<quant::QuantizeCastOp>(op))
    return verifyCodes(op, cast.getType());
  if (auto cast = dyn_cast<quant::DequantizeCastOp>(op))
    if (!cast.getInput().getDefiningOp<quant::QuantizeCastOp>())
      return op->emitOpError("reads codes that no quant.qcast made");
  return success();
}

struct VerifyQuantizedPass
    : mpq::impl::VerifyQuantizedPassBase<VerifyQuantizedPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    for (Operation &op : main.getBody().front())
      if (failed(verify(&op)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
