//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// LayerNormalization and RMSNormalization: shapes. They are lowered in
// lib/Conversion/OnnxToMPQ.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Family.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

int64_t getAxisAttribute(Operation *op) {
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  return axis ? axis.getInt() : -1;
}

/// The first result has the shape of the input; statistics have size 1 from the
/// axis on.
struct NormalizationShapes : ShapeModel<NormalizationShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    std::optional<Shape> shape = getShape(op->getOperand(0));
    std::optional<Shape> statistics = shape;
    if (shape) {
      FailureOr<int64_t> axis =
          getAxis(op, getAxisAttribute(op), shape->size());
      if (failed(axis))
        return failure();
      std::fill(statistics->begin() + *axis, statistics->end(), 1);
    }
    for (auto [index, result] : llvm::enumerate(op->getResults()))
      types.push_back(withShape(result, index ? statistics : shape));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    std::optional<int64_t> rank = getRank(op->getOperand(0));
    int64_t axis = getAxisAttribute(op);
    return rank && axis != 0 && axis != -*rank && onlyBatched(batched, {0});
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsNormalization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<NormalizationShapes, LayerNormalizationOp, RMSNormalizationOp>(
        context);
  });
}
} // namespace mpq
