//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The same elements in another shape: Reshape, Flatten, Squeeze, Unsqueeze.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// What the four have in common; the models below add their shapes.
template <typename Model> struct ViewShapes : ShapeModel<Model> {
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    const PartialTensor *operand = values.lookup(op->getOperand(0));
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!operand || !result ||
        operand->elements.size() != result->elements.size())
      return std::nullopt;
    result->elements = operand->elements;
    return result;
  }

  /// Dimension 0 stays if all others have as many elements as before.
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto from = getShape(op->getOperand(0)), to = getShape(op->getResult(0));
    if (!from || !to || from->empty() || to->empty() ||
        !onlyBatched(batched, {0}))
      return false;
    if (!isDynamic(from->front()) && !isDynamic(to->front()) &&
        from->front() != to->front())
      return false;
    int64_t before = getCount(ArrayRef(*from).drop_front()),
            after = getCount(ArrayRef(*to).drop_front());
    // Equal trailing sizes, even unknown ones, are kept by Flatten and its
    // like.
    return !isUnknown(before) && before == after;
  }
  bool isShapeOperand(Operation *, unsigned index) const { return index == 1; }
};

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

/// In the target 0 copies the input's size and -1 is what is left over.
struct ReshapeShapes : ViewShapes<ReshapeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto reshape = cast<ReshapeOp>(op);
    if (failed(checkRank(op, reshape.getShape(), "operand 'shape'", 1)))
      return failure();
    std::optional<Shape> from = getShape(reshape.getData());
    const PartialTensor *target = values.lookup(reshape.getShape());
    if (!target) {
      auto shape = getShape(reshape.getShape());
      bool ranked = shape && !isDynamic(shape->front());
      types.push_back(
          withShape(reshape.getReshaped(),
                    ranked ? std::optional(Shape(shape->front(), kDynamic))
                           : std::nullopt));
      return success();
    }
    Shape to;
    std::optional<size_t> rest;
    for (auto [d, size] : llvm::enumerate(target->getIntegers())) {
      if (size == 0 && !reshape.getAllowzero()) {
        if (from && d >= from->size())
          return op->emitOpError() << "copies dimension " << d
                                   << " of an operand of rank " << from->size();
        size = from ? (*from)[d] : kDynamic;
      } else if (size == -1) {
        if (rest)
          return op->emitOpError("has -1 twice in operand 'shape'");
        rest = d;
        size = 1;
      } else if (!isDynamic(size) && size < 0) {
        return op->emitOpError()
               << "has the size " << size << " in operand 'shape'";
      }
      to.push_back(size);
    }
    if (failed(fill(op, from, to, rest)))
      return failure();
    types.push_back(withShape(reshape.getReshaped(), to));
    return success();
  }

  /// Puts what is left over at `rest`, and checks the number of elements.
  static LogicalResult fill(Operation *op, const std::optional<Shape> &from,
                            Shape &to, std::optional<size_t> rest) {
    int64_t count = from ? getCount(*from) : kDynamic, known = getCount(to);
    if (!rest)
      return checkSame(op, known, "the number of elements of operand 'shape'",
                       count, "that of operand 'data'");
    if (!isDynamic(count) && !isDynamic(known)) {
      if (known == 0 ? count != 0 : count % known != 0)
        return op->emitOpError()
               << "has " << count << " elements, no multiple of " << known
               << ", the known part of operand 'shape'";
      to[*rest] = known == 0 ? 0 : count / known;
      return success();
    }
    // Symbols that are on both sides cancel: [s0, 16, 4] to [s0, -1] is
    // [s0, 64].
    to[*rest] = divideSizes(count, known);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Flatten, Squeeze, Unsqueeze
//===----------------------------------------------------------------------===//

struct FlattenShapes : ViewShapes<FlattenShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto flatten = cast<FlattenOp>(op);
    std::optional<Shape> from = getShape(flatten.getInput());
    Shape to = {kDynamic, kDynamic};
    if (from) {
      // The axis may be the rank: then the second dimension is 1.
      int64_t rank = from->size(), axis = flatten.getAxis();
      if (axis < -rank || axis > rank)
        return op->emitOpError()
               << "has axis " << axis << " when the rank is " << rank;
      axis = axis < 0 ? axis + rank : axis;
      to = {getCount(ArrayRef(*from).take_front(axis)),
            getCount(ArrayRef(*from).drop_front(axis))};
    }
    types.push_back(withShape(flatten.getOutput(), to));
    return success();
  }
};

struct SqueezeShapes : ViewShapes<SqueezeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto squeeze = cast<SqueezeOp>(op);
    std::optional<Shape> from = getShape(squeeze.getData()), to;
    std::optional<Shape> axes;
    if (from && squeeze.getAxes()) {
      if (auto known = values.lookupIntegers(squeeze.getAxes())) {
        FailureOr<Shape> positive = getAxes(op, *known, from->size());
        if (failed(positive))
          return failure();
        axes = *positive;
        for (int64_t axis : *axes)
          if (failed(checkSame(op, (*from)[axis], "a dimension to squeeze", 1,
                               "of size")))
            return failure();
      }
    } else if (from && !llvm::is_contained(*from, kDynamic)) {
      axes.emplace();
      for (auto [d, size] : llvm::enumerate(*from))
        if (size == 1)
          axes->push_back(d);
    }
    if (axes) {
      to.emplace();
      for (auto [d, size] : llvm::enumerate(*from))
        if (!llvm::is_contained(*axes, d))
          to->push_back(size);
    }
    types.push_back(withShape(squeeze.getSqueezed(), to));
    return success();
  }
};

struct UnsqueezeShapes : ViewShapes<UnsqueezeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto unsqueeze = cast<UnsqueezeOp>(op);
    std::optional<Shape> from = getShape(unsqueeze.getData()), to;
    auto known = values.lookupIntegers(unsqueeze.getAxes());
    if (from && known) {
      size_t rank = from->size() + known->size();
      FailureOr<Shape> axes = getAxes(op, *known, rank);
      if (failed(axes))
        return failure();
      to.emplace();
      const int64_t *next = from->begin();
      for (size_t d = 0; d < rank; ++d)
        to->push_back(llvm::is_contained(*axes, d) ? 1 : *next++);
    }
    types.push_back(withShape(unsqueeze.getExpanded(), to));
    return success();
  }
};

struct ViewLowering : LoweringModel<ViewLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    auto from = getSizedType(op, op->getOperand(0));
    if (failed(type) || failed(from))
      return failure();
    return Values{reshape(b, op->getLoc(), operands[0], getSizes(*from),
                          getSizes(*type))};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsReshape(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ReshapeShapes, ReshapeOp>(context);
    attach<FlattenShapes, FlattenOp>(context);
    attach<SqueezeShapes, SqueezeOp>(context);
    attach<UnsqueezeShapes, UnsqueezeOp>(context);
    attach<ViewLowering, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(context);
  });
}
} // namespace mpq
