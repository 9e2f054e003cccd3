//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Shape inference over a function; the work is in the ops' interface.
//
//   %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<*xf32>
//     =>
//   %0 = onnx.Relu(%x) : (tensor<?x3xf32>) -> tensor<?x3xf32>
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Inference.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace mpq {
#define GEN_PASS_DEF_ONNXINFERSHAPESPASS
#include "OnnxInferShapes.h.inc"

namespace {

/// Warns where the model declares another shape for a result.
void checkDeclared(func::FuncOp function) {
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    auto declared = function.getResultAttrOfType<DenseI64ArrayAttr>(
        index, onnx::ONNXDialect::kShapeAttr);
    auto inferred = dyn_cast<RankedTensorType>(type);
    if (!declared || !inferred)
      continue;
    bool differs = declared.size() != inferred.getRank();
    for (int64_t d = 0; !differs && d < inferred.getRank(); ++d)
      differs = declared[d] >= 0 && !inferred.isDynamicDim(d) &&
                declared[d] != inferred.getDimSize(d);
    if (differs)
      emitWarning(function.getLoc())
          << "result " << index << " is declared with shape ["
          << declared.asArrayRef() << "] but has type " << type;
  }
}

struct OnnxInferShapesPass final
    : impl::OnnxInferShapesPassBase<OnnxInferShapesPass> {
  void runOnOperation() override {
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(getOperation(), values)))
      return signalPassFailure();
    checkDeclared(getOperation());
  }
};

} // namespace
} // namespace mpq
