//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax, LogSoftmax and Hardmax along one axis.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

int64_t getAxisAttribute(Operation *op) {
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  return axis ? axis.getInt() : -1;
}

struct SoftmaxShapes : ShapeModel<SoftmaxShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    std::optional<Shape> shape = getShape(op->getOperand(0));
    if (shape && failed(getAxis(op, getAxisAttribute(op), shape->size())))
      return failure();
    types.push_back(withShape(op->getResult(0), shape));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool>) const {
    std::optional<int64_t> rank = getRank(op->getOperand(0));
    int64_t axis = getAxisAttribute(op);
    return rank && axis != 0 && axis != -*rank;
  }
};

/// With m the maximum along the axis: exp(x - m) / sum(exp(x - m)), so that no
/// exponential overflows; or x - m - log(sum(exp(x - m))).
struct SoftmaxLowering : LoweringModel<SoftmaxLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    Location loc = op->getLoc();
    FailureOr<RankedTensorType> type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    FailureOr<int64_t> axis =
        getAxis(op, getAxisAttribute(op), type->getRank());
    if (failed(axis))
      return failure();
    Shape kept = getSizes(*type), reduced = kept;
    kept[*axis] = 1;
    reduced.erase(reduced.begin() + *axis);
    Type element = type->getElementType();
    Value minimum = arith::ConstantOp::create(
        b, loc,
        b.getFloatAttr(
            element,
            APFloat::getInf(cast<FloatType>(element).getFloatSemantics(),
                            /*Negative=*/true)));
    Value max = reduce(b, loc, operands[0], *type, *axis, minimum,
                       [](OpBuilder &b, Location loc, ValueRange in) -> Value {
                         return arith::MaximumFOp::create(b, loc, in[0], in[1]);
                       });
    max = reshape(b, loc, max, reduced, kept);
    bool isLog = isa<LogSoftmaxOp>(op);
    Value shifted =
        elementwise(b, loc, *type, {operands[0], max},
                    [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
                      Value x = arith::SubFOp::create(b, loc, in[0], in[1]);
                      return isLog ? x : Value(math::ExpOp::create(b, loc, x));
                    });
    Value sum =
        reduce(b, loc, shifted, *type, *axis, scalar(b, loc, element, 0),
               [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
                 Value x =
                     isLog ? Value(math::ExpOp::create(b, loc, in[0])) : in[0];
                 return arith::AddFOp::create(b, loc, in[1], x);
               });
    sum = reshape(b, loc, sum, reduced, kept);
    return Values{
        elementwise(b, loc, *type, {shifted, sum},
                    [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
                      if (isLog)
                        return arith::SubFOp::create(
                            b, loc, in[0], math::LogOp::create(b, loc, in[1]));
                      return arith::DivFOp::create(b, loc, in[0], in[1]);
                    })};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsSoftmax(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<SoftmaxShapes, HardmaxOp, LogSoftmaxOp, SoftmaxOp>(context);
    // Softmax is for kernels (lib/Conversion/OnnxToMPQ).
    attach<SoftmaxLowering, LogSoftmaxOp>(context);
  });
}
} // namespace mpq
