//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// MaxPool, AveragePool, LpPool and their global forms: [N][C][spatial...].
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Window.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct PoolShapes : ShapeModel<PoolShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    Value x = op->getOperand(0);
    std::optional<Shape> y = getShape(x);
    if (failed(checkRank(op, x, "operand 'X'", 3, /*atLeast=*/true)))
      return failure();
    if (y) {
      ArrayRef<int64_t> spatial = ArrayRef(*y).drop_front(2);
      auto window = Window::get(op, spatial, {});
      if (failed(window))
        return failure();
      auto output = window->getOutput(op, spatial);
      if (failed(output))
        return failure();
      y->truncate(2);
      llvm::append_range(*y, *output);
    }
    for (Value result : op->getResults()) // MaxPool may also return indices
      types.push_back(withShape(result, y));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool>) const {
    // Indices count through the whole tensor.
    return op->getNumResults() == 1;
  }
};

struct GlobalPoolShapes : ShapeModel<GlobalPoolShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    Value x = op->getOperand(0);
    std::optional<Shape> y = getShape(x);
    if (failed(checkRank(op, x, "operand 'X'", 3, /*atLeast=*/true)))
      return failure();
    if (y)
      std::fill(y->begin() + 2, y->end(), 1);
    types.push_back(withShape(op->getResult(0), y));
    return success();
  }
  bool isSampleParallel(Operation *, ArrayRef<bool>) const { return true; }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsPool(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<PoolShapes, AveragePoolOp, LpPoolOp, MaxPoolOp>(context);
    attach<GlobalPoolShapes, GlobalAveragePoolOp, GlobalLpPoolOp,
           GlobalMaxPoolOp>(context);
  });
}
} // namespace mpq
