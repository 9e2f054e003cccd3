//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Values that are known: Constant, ConstantOfShape, Range.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

#include <cmath>

using namespace mlir;

namespace mpq::onnx {
namespace {

struct ConstantShapes : ShapeModel<ConstantShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    types.push_back(op->getResult(0).getType());
    return success();
  }
};

struct ConstantLowering : LoweringModel<ConstantLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b, ValueRange) const {
    if (op->hasAttr(ONNXDialect::kSizesAttr))
      return Values{buildIntegers(b, op->getLoc(),
                                  *ValueTable().lookup(op->getResult(0)))};
    return Values{arith::ConstantOp::create(
        b, op->getLoc(), cast<TypedAttr>(cast<ConstantOp>(op).getValueAttr()))};
  }
};

//===----------------------------------------------------------------------===//
// ConstantOfShape
//===----------------------------------------------------------------------===//

struct ConstantOfShapeShapes : ShapeModel<ConstantOfShapeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto constant = cast<ConstantOfShapeOp>(op);
    if (failed(checkRank(op, constant.getInput(), "operand 'input'", 1)))
      return failure();
    if (ElementsAttr value = constant.getValueAttr();
        value && value.getNumElements() != 1)
      return op->emitOpError() << "has a value of " << value.getNumElements()
                               << " elements when it should be one";
    std::optional<Shape> shape;
    if (const PartialTensor *target = values.lookup(constant.getInput())) {
      shape = llvm::to_vector(target->getIntegers());
      for (int64_t size : *shape)
        if (!isDynamic(size) && size < 0)
          return op->emitOpError() << "has the size " << size;
    } else if (auto known = getShape(constant.getInput());
               known && !isDynamic(known->front())) {
      shape = Shape(known->front(), kDynamic);
    }
    types.push_back(withShape(constant.getOutput(), shape));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &) const {
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!result)
      return std::nullopt;
    PartialTensor::Element zero{true, 0, 0};
    if (ElementsAttr value = cast<ConstantOfShapeOp>(op).getValueAttr()) {
      auto one = PartialTensor::fromConstant(value);
      if (!one)
        return std::nullopt;
      zero = one->elements.front();
    }
    std::fill(result->elements.begin(), result->elements.end(), zero);
    return result;
  }
  bool isShapeOperand(Operation *, unsigned) const { return true; }
};

struct ConstantOfShapeLowering : LoweringModel<ConstantOfShapeLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b, ValueRange) const {
    auto type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    TypedAttr value = b.getZeroAttr(type->getElementType());
    if (ElementsAttr given = cast<ConstantOfShapeOp>(op).getValueAttr()) {
      auto one = PartialTensor::fromConstant(given);
      if (!one)
        return op->emitOpError("has a value that cannot be read");
      value = cast<TypedAttr>(*one->toConstant().value_begin<Attribute>());
    }
    return Values{filled(b, op->getLoc(), *type,
                         arith::ConstantOp::create(b, op->getLoc(), value))};
  }
};

//===----------------------------------------------------------------------===//
// Range
//===----------------------------------------------------------------------===//

/// start, start + delta, ... up to, not including, limit.
struct RangeShapes : ShapeModel<RangeShapes> {
  static std::optional<int64_t> getCount(Operation *op,
                                         const ValueTable &values) {
    PartialTensor::Element in[3];
    bool isFloat = isa<FloatType>(getElementTypeOrSelf(op->getResult(0)));
    for (int i = 0; i < 3; ++i) {
      const PartialTensor *known = values.lookup(op->getOperand(i));
      if (!known || known->elements.size() != 1 || !known->isKnown())
        return std::nullopt;
      in[i] = known->elements.front();
    }
    double count =
        isFloat ? std::ceil((in[1].real - in[0].real) / in[2].real)
                : std::ceil((double(in[1].integer) - double(in[0].integer)) /
                            double(in[2].integer));
    // Not a number if delta is 0.
    if (!(count < 1e15))
      return std::nullopt;
    return std::max<int64_t>(0, static_cast<int64_t>(count));
  }
  /// Of integers that go up, from and to expressions of sizes.
  static int64_t getSymbolicCount(Operation *op, const ValueTable &values) {
    auto start = values.lookupSizes(op->getOperand(0)),
         limit = values.lookupSizes(op->getOperand(1)),
         delta = values.lookupIntegers(op->getOperand(2));
    for (const auto &list : {start, limit, delta})
      if (!list || list->size() != 1)
        return kDynamic;
    int64_t length = subtractSizes(limit->front(), start->front());
    if (delta->front() < 1 || !isSymbolic(length))
      return kDynamic;
    requireAtMost(op, start->front(), limit->front());
    return toSize(
        toExpr(length, op->getContext()).ceilDiv(uint64_t(delta->front())));
  }
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    Shape shape = {getCount(op, values).value_or(getSymbolicCount(op, values))};
    types.push_back(withShape(op->getResult(0), shape));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!result || !getCount(op, values))
      return std::nullopt;
    auto start = values.lookup(op->getOperand(0))->elements.front(),
         delta = values.lookup(op->getOperand(2))->elements.front();
    for (size_t i = 0, e = result->elements.size(); i < e; ++i) {
      if (result->isFloat())
        result->set(i, start.real + double(i) * delta.real);
      else
        result->set(
            i, int64_t(uint64_t(start.integer) + i * uint64_t(delta.integer)));
    }
    return result;
  }
};

struct RangeLowering : LoweringModel<RangeLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    Location loc = op->getLoc();
    auto extract = [&](Value tensor) -> Value {
      return tensor::ExtractOp::create(b, loc, reshape(b, loc, tensor, {}),
                                       ValueRange());
    };
    Value start = extract(operands[0]), delta = extract(operands[2]);
    return Values{generate(
        b, loc, *type, [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
          Type element = type->getElementType();
          bool isFloat = isa<FloatType>(element);
          Value i = arith::IndexCastOp::create(
              b, loc, isFloat ? b.getI64Type() : element, in[0]);
          if (!isFloat)
            return arith::AddIOp::create(
                b, loc, start, arith::MulIOp::create(b, loc, i, delta));
          i = arith::SIToFPOp::create(b, loc, element, i);
          return arith::AddFOp::create(b, loc, start,
                                       arith::MulFOp::create(b, loc, i, delta));
        })};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsConstant(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ConstantShapes, ConstantOp>(context);
    attach<ConstantOfShapeShapes, ConstantOfShapeOp>(context);
    attach<RangeShapes, RangeOp>(context);
    attach<ConstantLowering, ConstantOp>(context);
    attach<ConstantOfShapeLowering, ConstantOfShapeOp>(context);
    attach<RangeLowering, RangeOp>(context);
  });
}
} // namespace mpq
