//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Normalization with the statistics of training: y = (x - mean) / sqrt(var +
// epsilon) * scale + B, all per channel (dimension 1).
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Family.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct BatchNormalizationShapes : ShapeModel<BatchNormalizationShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto norm = cast<BatchNormalizationOp>(op);
    if (norm.getTrainingMode() || op->getNumResults() != 1)
      return op->emitOpError("is training, which is not supported");
    if (failed(checkRank(op, norm.getX(), "operand 'X'", 1, true)))
      return failure();
    std::optional<Shape> x = getShape(norm.getX());
    // The standard reads a vector as N samples of one channel.
    int64_t channels = !x ? kDynamic : x->size() > 1 ? (*x)[1] : 1;
    for (auto [name, value] :
         {std::pair<const char *, Value>("the length of 'scale'",
                                         norm.getScale()),
          {"the length of 'B'", norm.getB()},
          {"the length of 'input_mean'", norm.getInputMean()},
          {"the length of 'input_var'", norm.getInputVar()}}) {
      if (failed(checkRank(op, value, name, 1)))
        return failure();
      if (auto shape = getShape(value);
          shape && failed(checkSame(op, shape->front(), name, channels,
                                    "the number of channels")))
        return failure();
    }
    types.push_back(withShape(norm.getY(), x));
    return success();
  }
  bool isSampleParallel(Operation *, ArrayRef<bool> batched) const {
    return onlyBatched(batched, {0});
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsBatchNormalization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    onnx::attach<onnx::BatchNormalizationShapes, onnx::BatchNormalizationOp>(
        context);
  });
}
} // namespace mpq
