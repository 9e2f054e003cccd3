//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reductions over axes, and ArgMax and ArgMin over one.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

bool getFlag(Operation *op, StringRef name, bool defaultValue) {
  auto flag = op->getAttrOfType<IntegerAttr>(name);
  return flag ? flag.getInt() != 0 : defaultValue;
}

/// The axes, counted from the front; nothing if they are not known. Absent or
/// empty they are all, or none with noop_with_empty_axes.
FailureOr<std::optional<Shape>>
getReducedAxes(Operation *op, const ValueTable &values, int64_t rank) {
  Shape axes;
  if (op->getNumOperands() > 1) {
    auto known = values.lookupIntegers(op->getOperand(1));
    if (!known)
      return std::optional<Shape>();
    FailureOr<Shape> positive = getAxes(op, *known, rank);
    if (failed(positive))
      return failure();
    axes = *positive;
  }
  if (axes.empty() && !getFlag(op, "noop_with_empty_axes", false))
    axes = iota(rank);
  llvm::sort(axes);
  return std::optional(axes);
}

std::optional<Shape> getReducedShape(ArrayRef<int64_t> shape,
                                     ArrayRef<int64_t> axes, bool keep) {
  Shape result;
  for (auto [d, size] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(axes, d))
      result.push_back(size);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

struct ReduceShapes : ShapeModel<ReduceShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    std::optional<Shape> shape = getShape(op->getOperand(0));
    bool keep = getFlag(op, "keepdims", true);
    if (shape) {
      auto axes = getReducedAxes(op, values, shape->size());
      if (failed(axes))
        return failure();
      if (*axes)
        shape = getReducedShape(*shape, **axes, keep);
      else if (keep)
        shape = Shape(shape->size(), kDynamic);
      else
        shape = std::nullopt;
    }
    types.push_back(withShape(op->getResult(0), shape));
    return success();
  }

  /// The product of a shape is a number of elements.
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    if (!isa<ReduceProdOp, ReduceSumOp>(op) || op->getNumOperands() > 1)
      return std::nullopt;
    auto result = PartialTensor::create(op->getResult(0).getType());
    auto elements = values.lookupSizes(op->getOperand(0));
    if (!result || !elements || result->elements.size() != 1)
      return std::nullopt;
    int64_t total = isa<ReduceProdOp>(op);
    for (int64_t element : *elements)
      total = isa<ReduceProdOp>(op) ? multiplySizes(total, element)
                                    : addSizes(total, element);
    if (isUnknown(total))
      return std::nullopt;
    if (isSymbolic(total))
      result->elements[0].integer = total;
    else
      result->set(0, total);
    return result;
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    std::optional<int64_t> rank = getRank(op->getOperand(0));
    if (!rank || !onlyBatched(batched, {0}))
      return false;
    auto axes = getReducedAxes(op, ValueTable(), *rank);
    return succeeded(axes) && *axes && !llvm::is_contained(**axes, 0);
  }
};

struct ArgShapes : ShapeModel<ArgShapes> {
  static int64_t getAxisAttribute(Operation *op) {
    auto axis = op->getAttrOfType<IntegerAttr>("axis");
    return axis ? axis.getInt() : 0;
  }
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    std::optional<Shape> shape = getShape(op->getOperand(0));
    if (shape) {
      FailureOr<int64_t> axis =
          getAxis(op, getAxisAttribute(op), shape->size());
      if (failed(axis))
        return failure();
      shape = getReducedShape(*shape, *axis, getFlag(op, "keepdims", true));
    }
    types.push_back(withShape(op->getResult(0), shape));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool>) const {
    std::optional<int64_t> rank = getRank(op->getOperand(0));
    int64_t axis = getAxisAttribute(op);
    return rank && axis != 0 && axis != -*rank;
  }
};

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

using B = OpBuilder;

Value add(B &b, Location loc, Value x, Value y) {
  return isa<FloatType>(x.getType())
             ? Value(arith::AddFOp::create(b, loc, x, y))
             : Value(arith::AddIOp::create(b, loc, x, y));
}
Value mul(B &b, Location loc, Value x, Value y) {
  return isa<FloatType>(x.getType())
             ? Value(arith::MulFOp::create(b, loc, x, y))
             : Value(arith::MulIOp::create(b, loc, x, y));
}

/// How an element enters the accumulator.
Value combine(Operation *op, B &b, Location loc, Value x, Value accumulator) {
  bool isFloat = isa<FloatType>(x.getType());
  if (isa<ReduceMaxOp>(op))
    return isFloat ? Value(arith::MaximumFOp::create(b, loc, x, accumulator))
                   : Value(arith::MaxSIOp::create(b, loc, x, accumulator));
  if (isa<ReduceMinOp>(op))
    return isFloat ? Value(arith::MinimumFOp::create(b, loc, x, accumulator))
                   : Value(arith::MinSIOp::create(b, loc, x, accumulator));
  if (isa<ReduceProdOp>(op))
    return mul(b, loc, accumulator, x);
  if (isa<ReduceL2Op, ReduceSumSquareOp>(op))
    x = mul(b, loc, x, x);
  if (isa<ReduceL1Op>(op))
    x = isFloat ? Value(math::AbsFOp::create(b, loc, x))
                : Value(math::AbsIOp::create(b, loc, x));
  return add(b, loc, accumulator, x);
}

/// The accumulator before the first element.
Value getStart(Operation *op, B &b, Location loc, Type element) {
  bool isMax = isa<ReduceMaxOp>(op);
  if (isa<ReduceProdOp>(op))
    return scalar(b, loc, element, 1);
  if (!isMax && !isa<ReduceMinOp>(op))
    return scalar(b, loc, element, 0);
  if (auto type = dyn_cast<FloatType>(element))
    return arith::ConstantOp::create(
        b, loc,
        b.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics(), isMax)));
  unsigned width = element.getIntOrFloatBitWidth();
  return arith::ConstantOp::create(
      b, loc,
      b.getIntegerAttr(element, isMax ? APInt::getSignedMinValue(width)
                                      : APInt::getSignedMaxValue(width)));
}

/// A size as a scalar of another type.
Value convertSize(B &b, Location loc, OpFoldResult size, Type type) {
  if (auto constant = getConstantIntValue(size))
    return scalar(b, loc, type, double(*constant));
  Value value = cast<Value>(size);
  if (!isa<FloatType>(type))
    return arith::IndexCastOp::create(b, loc, type, value);
  value = arith::IndexCastOp::create(b, loc, b.getI64Type(), value);
  return arith::SIToFPOp::create(b, loc, type, value);
}

struct ReduceLowering : LoweringModel<ReduceLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    Location loc = op->getLoc();
    auto from = getSizedType(op, op->getOperand(0));
    auto type = getSizedType(op, op->getResult(0));
    if (failed(from) || failed(type))
      return failure();
    auto axes = getReducedAxes(op, ValueTable(), from->getRank());
    if (failed(axes))
      return failure();
    if (!*axes)
      return op->emitOpError("operand 'axes' is not a constant");
    Type element = from->getElementType();
    Value sum = reduce(b, loc, operands[0], *from, **axes,
                       getStart(op, b, loc, element),
                       [&](B &b, Location loc, ValueRange in) {
                         return combine(op, b, loc, in[0], in[1]);
                       });
    Shape kept = *getReducedShape(getSizes(*from), **axes, /*keep=*/false);
    int64_t count = 1;
    for (int64_t axis : **axes)
      count = multiplySizes(count, getSizes(*from)[axis]);
    sum = finish(op, b, loc, sum, getTypeOf(kept, element), count);
    return Values{reshape(b, loc, sum, kept, getSizes(*type))};
  }

  /// What is done once per result, of `count` elements each.
  static Value finish(Operation *op, B &b, Location loc, Value sum,
                      RankedTensorType type, int64_t count) {
    if (!isa<ReduceMeanOp, ReduceL2Op, ReduceLogSumOp>(op))
      return sum;
    OpFoldResult size = materialize(b, loc, count);
    return elementwise(
        b, loc, type, sum, [&](B &b, Location loc, ValueRange in) -> Value {
          if (isa<ReduceL2Op>(op))
            return math::SqrtOp::create(b, loc, in[0]);
          if (isa<ReduceLogSumOp>(op))
            return math::LogOp::create(b, loc, in[0]);
          Value n = convertSize(b, loc, size, in[0].getType());
          return isa<FloatType>(n.getType())
                     ? Value(arith::DivFOp::create(b, loc, in[0], n))
                     : Value(arith::DivSIOp::create(b, loc, in[0], n));
        });
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsReduce(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ReduceShapes, ReduceL1Op, ReduceL2Op, ReduceLogSumExpOp,
           ReduceLogSumOp, ReduceMaxOp, ReduceMeanOp, ReduceMinOp, ReduceProdOp,
           ReduceSumOp, ReduceSumSquareOp>(context);
    attach<ArgShapes, ArgMaxOp, ArgMinOp>(context);
    attach<ReduceLowering, ReduceL1Op, ReduceL2Op, ReduceLogSumOp, ReduceMaxOp,
           ReduceMeanOp, ReduceMinOp, ReduceProdOp, ReduceSumOp,
           ReduceSumSquareOp>(context);
  });
}
} // namespace mpq
