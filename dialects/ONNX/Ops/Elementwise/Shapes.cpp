//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elementwise ops with broadcasting: shapes, and values of small tensors.
//
//===----------------------------------------------------------------------===//
#include "Elementwise.h"

#include <cmath>

using namespace mlir;

namespace mpq::onnx {
namespace {

using Element = PartialTensor::Element;

//===----------------------------------------------------------------------===//
// Arithmetic on known elements
//===----------------------------------------------------------------------===//

/// Both values of an element; only the one of its type is meant.
struct Number {
  bool isFloat;
  int64_t i;
  double f;
};

Number real(double f) { return {true, 0, f}; }
Number integer(int64_t i) { return {false, i, 0}; }

/// Wraps like the two's complement arithmetic of the machine.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

std::optional<Number> evaluateUnary(StringRef op, Number x) {
  if (op == "Identity" || op == "Cast" || op == "CastLike")
    return x;
  if (op == "Neg")
    return x.isFloat ? real(-x.f) : integer(wrap(-uint64_t(x.i)));
  if (op == "Abs")
    return x.isFloat ? real(std::fabs(x.f))
                     : integer(x.i < 0 ? wrap(-uint64_t(x.i)) : x.i);
  if (op == "Not")
    return integer(!x.i);
  if (!x.isFloat)
    return std::nullopt;
  if (op == "Sqrt")
    return real(std::sqrt(x.f));
  if (op == "Floor")
    return real(std::floor(x.f));
  if (op == "Ceil")
    return real(std::ceil(x.f));
  if (op == "Reciprocal")
    return real(1 / x.f);
  return std::nullopt;
}

template <typename T> std::optional<bool> compare(StringRef op, T x, T y) {
  if (op == "Equal")
    return x == y;
  if (op == "Less")
    return x < y;
  if (op == "LessOrEqual")
    return x <= y;
  if (op == "Greater")
    return x > y;
  if (op == "GreaterOrEqual")
    return x >= y;
  return std::nullopt;
}

std::optional<Number> evaluateFloats(StringRef op, double x, double y) {
  if (op == "Add" || op == "Sum")
    return real(x + y);
  if (op == "Sub")
    return real(x - y);
  if (op == "Mul")
    return real(x * y);
  if (op == "Div")
    return real(x / y);
  if (op == "Pow" && (y == 2 || y == 1)) // others depend on the math library
    return real(y == 2 ? x * x : x);
  if (op == "Max" && !std::isnan(x) && !std::isnan(y))
    return real(std::max(x, y));
  if (op == "Min" && !std::isnan(x) && !std::isnan(y))
    return real(std::min(x, y));
  return std::nullopt;
}

std::optional<Number> evaluateIntegers(StringRef op, int64_t x, int64_t y) {
  if (op == "Add" || op == "Sum")
    return integer(wrap(uint64_t(x) + uint64_t(y)));
  if (op == "Sub")
    return integer(wrap(uint64_t(x) - uint64_t(y)));
  if (op == "Mul")
    return integer(wrap(uint64_t(x) * uint64_t(y)));
  if (op == "Div" && y != 0 && !(x == INT64_MIN && y == -1))
    return integer(x / y);
  if (op == "Mod" && y != 0 && y != -1) {
    int64_t rest = x % y;
    return integer(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
  }
  if (op == "Max")
    return integer(std::max(x, y));
  if (op == "Min")
    return integer(std::min(x, y));
  if (op == "And")
    return integer(x && y);
  if (op == "Or")
    return integer(x || y);
  if (op == "Xor")
    return integer(x != y);
  return std::nullopt;
}

std::optional<Number> evaluateBinary(StringRef op, Number x, Number y) {
  if (x.isFloat != y.isFloat)
    return std::nullopt;
  std::optional<bool> compared =
      x.isFloat ? compare(op, x.f, y.f) : compare(op, x.i, y.i);
  if (compared)
    return integer(*compared);
  return x.isFloat ? evaluateFloats(op, x.f, y.f)
                   : evaluateIntegers(op, x.i, y.i);
}

/// Converts to the element type of the result, as Cast does.
void store(PartialTensor &result, size_t index, Number value) {
  Type type = result.type.getElementType();
  if (result.isFloat())
    result.set(index, value.isFloat ? value.f : static_cast<double>(value.i));
  else if (!value.isFloat)
    result.set(index, type.isInteger(1) ? int64_t(value.i != 0) : value.i);
  else if (type.isInteger(1))
    result.set(index, int64_t(value.f != 0));
  else if (std::fabs(value.f) < 9e18) // beyond, the result is not defined
    result.set(index, static_cast<int64_t>(value.f));
}

/// One element of the result from those of the operands.
std::optional<Number> evaluate(Operation *op, ArrayRef<Element> elements,
                               ArrayRef<bool> isFloat) {
  StringRef name = op->getName().stripDialect();
  auto number = [&](size_t i) {
    return Number{isFloat[i], elements[i].integer, elements[i].real};
  };
  if (name == "Where") { // what is not chosen may stay unknown
    if (!elements[0].known)
      return std::nullopt;
    size_t chosen = elements[0].integer ? 1 : 2;
    return elements[chosen].known ? std::optional(number(chosen))
                                  : std::nullopt;
  }
  if (!llvm::all_of(elements, [](const Element &e) { return e.known; }))
    return std::nullopt;
  if (auto mod = dyn_cast<ModOp>(op); mod && mod.getFmod())
    return std::nullopt;
  if (elements.size() == 1 || name == "CastLike")
    return evaluateUnary(name, number(0));
  std::optional<Number> result = number(0);
  for (size_t i = 1; i < elements.size() && result; ++i)
    result = evaluateBinary(name, *result, number(i));
  return result;
}

/// The element of the result where one of the operands is an expression of
/// sizes, as an expression or number; kDynamic if it is neither.
int64_t evaluateSizes(Operation *op, ArrayRef<Element> elements) {
  auto get = [&](size_t i) {
    const Element &e = elements[i];
    return e.known || isSymbolic(e.integer) ? e.integer : kDynamic;
  };
  if (isa<WhereOp>(op))
    return elements[0].known ? get(elements[0].integer ? 1 : 2) : kDynamic;
  if (elements.size() != 2)
    return kDynamic;
  int64_t a = get(0), b = get(1);
  if (isa<AddOp>(op))
    return addSizes(a, b);
  if (isa<SubOp>(op))
    return subtractSizes(a, b);
  if (isa<MulOp>(op))
    return multiplySizes(a, b);
  if (isa<DivOp>(op))
    return divideSizes(a, b);
  // A size is never -1, which stands for "as it was" in shapes.
  if (isa<EqualOp>(op) && ((isSymbolic(a) && !isDynamic(b) && b < 1) ||
                           (isSymbolic(b) && !isDynamic(a) && a < 1)))
    return 0;
  return kDynamic;
}

/// Stores a size that is known or an expression.
void storeSize(PartialTensor &result, size_t index, int64_t size) {
  if (result.isFloat() || isUnknown(size))
    return;
  if (!isDynamic(size))
    result.set(index, size);
  else if (result.type.getElementTypeBitWidth() == 64)
    result.elements[index].integer = size;
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

struct ElementwiseShapes : ShapeModel<ElementwiseShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto shape = broadcast(op, op->getOperands());
    if (failed(shape))
      return failure();
    for (Value result : op->getResults())
      types.push_back(withShape(result, *shape));
    return success();
  }

  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    auto result = PartialTensor::create(op->getResult(0).getType());
    SmallVector<const PartialTensor *> operands;
    SmallVector<bool> isFloat;
    for (Value operand : op->getOperands()) {
      operands.push_back(values.lookup(operand));
      if (!operands.back())
        return std::nullopt;
      isFloat.push_back(operands.back()->isFloat());
    }
    if (!result)
      return std::nullopt;
    size_t next = 0;
    forEachIndex(result->type.getShape(), [&](ArrayRef<int64_t> index) {
      SmallVector<Element> elements;
      for (const PartialTensor *operand : operands)
        elements.push_back(operand->elements[getBroadcastOffset(
            index, operand->type.getShape())]);
      if (std::optional<Number> value = evaluate(op, elements, isFloat))
        store(*result, next, *value);
      else if (llvm::none_of(isFloat, [](bool f) { return f; }))
        storeSize(*result, next, evaluateSizes(op, elements));
      ++next;
    });
    return result;
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    return broadcastsOverSamples(op, batched);
  }
};

/// The shape is that of the first operand; the others are parameters.
struct FirstOperandShapes : ShapeModel<FirstOperandShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    for (Value result : op->getResults())
      types.push_back(withShape(result, getShape(op->getOperand(0))));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    // Cast and its like; Dropout with a mask has no single result.
    if (!isa<IdentityOp, CastOp, CastLikeOp, DropoutOp>(op) ||
        op->getNumResults() != 1)
      return std::nullopt;
    const PartialTensor *operand = values.lookup(op->getOperand(0));
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!operand || !result ||
        result->elements.size() != operand->elements.size())
      return std::nullopt;
    for (auto [index, e] : llvm::enumerate(operand->elements))
      if (e.known)
        store(*result, index, {operand->isFloat(), e.integer, e.real});
      else if (isSymbolic(e.integer))
        storeSize(*result, index, e.integer);
    return result;
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    return getRank(op->getOperand(0)).value_or(0) > 0 &&
           onlyBatched(batched, {0});
  }
  /// CastLike only looks at the type of its second operand.
  bool isShapeOperand(Operation *op, unsigned index) const {
    return isa<CastLikeOp>(op) && index == 1;
  }
};

} // namespace

void attachElementwiseShapes(MLIRContext *context) {
  attach<ElementwiseShapes, AddOp, AndOp, BitShiftOp, BitwiseAndOp, BitwiseOrOp,
         BitwiseXorOp, DivOp, EqualOp, GreaterOp, GreaterOrEqualOp, LessOp,
         LessOrEqualOp, MaxOp, MeanOp, MinOp, ModOp, MulOp, OrOp, PReluOp,
         PowOp, SubOp, SumOp, WhereOp, XorOp>(context);
  attach<ElementwiseShapes, AbsOp, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp,
         AtanhOp, BitwiseNotOp, CeilOp, CeluOp, CosOp, CoshOp, EluOp, ErfOp,
         ExpOp, FloorOp, GeluOp, HardSigmoidOp, HardSwishOp, IsInfOp, IsNaNOp,
         LeakyReluOp, LogOp, MishOp, NegOp, NotOp, ReciprocalOp, ReluOp,
         RoundOp, SeluOp, ShrinkOp, SigmoidOp, SignOp, SinOp, SinhOp,
         SoftplusOp, SoftsignOp, SqrtOp, SwishOp, TanOp, TanhOp,
         ThresholdedReluOp>(context);
  attach<FirstOperandShapes, CastOp, CastLikeOp, ClipOp, DropoutOp, IdentityOp>(
      context);
}

} // namespace mpq::onnx

void mpq::registerOnnxOpsElementwise(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    onnx::attachElementwiseShapes(context);
    onnx::attachElementwiseLowerings(context);
  });
}
