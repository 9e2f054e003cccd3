//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where a model is not all in the onnx dialect or a shape
// is not known.
//
//===----------------------------------------------------------------------===//

#include "dialects/ONNX/ONNX.h"
#include "mpq/Analysis/Sites.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYONNXPASS
#include "VerifyOnnx.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verify(Operation &op) {
  if (op.hasTrait<OpTrait::IsTerminator>())
    return success();
  if (!isa<onnx::ONNXDialect>(op.getDialect()))
    return op.emitOpError("is not of the onnx dialect, as all ops of the stage onnx are");
  for (OpResult result : op.getResults())
    if (!isa<RankedTensorType, NoneType>(result.getType()))
      return op.emitOpError("result ") << result.getResultNumber() << " is of type " << result.getType()
                                       << ", whose shape is not inferred; run mpq-onnx-infer-shapes";
  return success();
}

struct VerifyOnnxPass : mpq::impl::VerifyOnnxPassBase<VerifyOnnxPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    for (auto [index, type] : llvm::enumerate(main.getArgumentTypes()))
      if (!isa<RankedTensorType>(type)) {
        main.emitOpError("argument ") << index << " is of type " << type << " when it should be a ranked tensor";
        return signalPassFailure();
      }
    for (Operation &op : main.getBody().front())
      if (failed(verify(op)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
