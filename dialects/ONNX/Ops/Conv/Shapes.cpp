//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Conv and ConvTranspose: [N][C][spatial...] with weights [M][C/group][kernel].
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Window.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Dimension 0 of the data are samples; weights and bias are parameters.
bool isConvParallel(ArrayRef<bool> batched) {
  return onlyBatched(batched, {0});
}

struct ConvShapes : ShapeModel<ConvShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto conv = cast<ConvOp>(op);
    std::optional<Shape> x = getShape(conv.getX()), w = getShape(conv.getW());
    if (!x || !w) {
      types.push_back(withShape(conv.getY(), std::nullopt));
      return success();
    }
    if (failed(checkRank(op, conv.getX(), "operand 'X'", 3, true)) ||
        failed(checkRank(op, conv.getW(), "operand 'W'", x->size())))
      return failure();
    int64_t group = conv.getGroup();
    if (group < 1 || group > INT32_MAX)
      return op->emitOpError() << "has group " << group;
    int64_t perGroup = (*w)[1];
    if (!isDynamic(perGroup) &&
        failed(checkSame(op, (*x)[1], "the number of channels",
                         perGroup * group, "that of the weights times group")))
      return failure();
    if (!isDynamic((*w)[0]) && (*w)[0] % group != 0)
      return op->emitOpError()
             << "has " << (*w)[0] << " output channels, no multiple of group, "
             << group;
    if (Value bias = conv.getB()) {
      if (failed(checkRank(op, bias, "operand 'B'", 1)))
        return failure();
      if (auto b = getShape(bias);
          b && failed(checkSame(op, (*b)[0], "the length of operand 'B'",
                                (*w)[0], "the number of output channels")))
        return failure();
    }
    ArrayRef<int64_t> spatial = ArrayRef(*x).drop_front(2);
    auto window = Window::get(op, spatial, ArrayRef(*w).drop_front(2));
    if (failed(window))
      return failure();
    auto output = window->getOutput(op, spatial);
    if (failed(output))
      return failure();
    Shape y = {(*x)[0], (*w)[0]};
    llvm::append_range(y, *output);
    types.push_back(withShape(conv.getY(), y));
    return success();
  }
  bool isSampleParallel(Operation *, ArrayRef<bool> batched) const {
    return isConvParallel(batched);
  }
};

struct ConvTransposeShapes : ShapeModel<ConvTransposeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto conv = cast<ConvTransposeOp>(op);
    std::optional<Shape> x = getShape(conv.getX()), w = getShape(conv.getW());
    if (!x || !w) {
      types.push_back(withShape(conv.getY(), std::nullopt));
      return success();
    }
    if (failed(checkRank(op, conv.getX(), "operand 'X'", 3, true)) ||
        failed(checkRank(op, conv.getW(), "operand 'W'", x->size())) ||
        failed(checkSame(op, (*x)[1], "the number of channels", (*w)[0],
                         "that of the weights")))
      return failure();
    ArrayRef<int64_t> spatial = ArrayRef(*x).drop_front(2);
    auto window = Window::get(op, spatial, ArrayRef(*w).drop_front(2));
    if (failed(window))
      return failure();
    int64_t group = conv.getGroup();
    if (group < 1 || group > INT32_MAX)
      return op->emitOpError() << "has group " << group;
    Shape y = {(*x)[0], isDynamic((*w)[1]) ? kDynamic : (*w)[1] * group};
    auto extra = conv.getOutputPadding(), wanted = conv.getOutputShape();
    if ((extra && extra->size() != spatial.size()) ||
        (wanted && wanted->size() != spatial.size()))
      return op->emitOpError() << "has an output_padding or output_shape that "
                                  "is not of length "
                               << spatial.size();
    for (auto [d, size] : llvm::enumerate(spatial)) {
      if (wanted) {
        y.push_back((*wanted)[d]);
        continue;
      }
      if (isDynamic(size) || isDynamic(window->kernel[d])) {
        y.push_back(kDynamic);
        continue;
      }
      bool same = conv.getAutoPad().starts_with("SAME");
      if (size > INT32_MAX)
        return op->emitOpError() << "has a dimension of size " << size;
      int64_t extent = window->dilations[d] * (window->kernel[d] - 1) + 1;
      y.push_back(same ? size * window->strides[d]
                       : window->strides[d] * (size - 1) + extent +
                             (extra ? (*extra)[d] : 0) - window->padsBegin[d] -
                             window->padsEnd[d]);
    }
    types.push_back(withShape(conv.getY(), y));
    return success();
  }
  bool isSampleParallel(Operation *, ArrayRef<bool> batched) const {
    return isConvParallel(batched);
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsConv(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    onnx::attach<onnx::ConvShapes, onnx::ConvOp>(context);
    onnx::attach<onnx::ConvTransposeShapes, onnx::ConvTransposeOp>(context);
  });
}
} // namespace mpq
