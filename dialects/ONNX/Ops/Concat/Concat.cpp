//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Concat along an axis, and its inverse, Split.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct ConcatShapes : ShapeModel<ConcatShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto concat = cast<ConcatOp>(op);
    std::optional<Shape> to;
    for (Value input : op->getOperands()) {
      std::optional<Shape> from = getShape(input);
      if (!from) {
        types.push_back(withShape(concat.getConcatResult(), std::nullopt));
        return success();
      }
      FailureOr<int64_t> axis = getAxis(op, concat.getAxis(), from->size());
      if (failed(axis))
        return failure();
      if (!to) {
        to = from;
        continue;
      }
      if (failed(checkRank(op, input, "an operand", to->size())))
        return failure();
      for (auto [d, size] : llvm::enumerate(*from)) {
        int64_t &sum = (*to)[d];
        if (int64_t(d) == *axis) {
          bool areNumbers = !isDynamic(sum) && !isDynamic(size);
          sum = addSizes(sum, size);
          if (areNumbers && isUnknown(sum))
            return op->emitOpError("has sizes whose sum overflows");
        } else if (failed(checkSame(op, size, "a dimension of an operand", sum,
                                    "that of the first")))
          return failure();
        else if (isDynamic(sum))
          sum = size;
      }
    }
    types.push_back(withShape(concat.getConcatResult(), to));
    return success();
  }

  /// Shapes are put together from vectors.
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!result || result->type.getRank() != 1)
      return std::nullopt;
    result->elements.clear();
    for (Value operand : op->getOperands()) {
      if (const PartialTensor *known = values.lookup(operand)) {
        llvm::append_range(result->elements, known->elements);
        continue;
      }
      auto shape = getShape(operand);
      if (!shape || shape->size() != 1 || isDynamic(shape->front()))
        return std::nullopt;
      result->elements.resize(result->elements.size() + shape->front());
    }
    return result;
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto rank = getRank(op->getResult(0));
    int64_t axis = cast<ConcatOp>(op).getAxis();
    if (!rank || axis == 0 || axis == -*rank)
      return false;
    // An operand that is not per sample must be there once for each sample.
    for (auto [operand, isBatched] : llvm::zip(op->getOperands(), batched))
      if (auto shape = getShape(operand);
          !isBatched &&
          (!shape || (shape->front() != 1 && !isDynamic(shape->front()))))
        return false;
    return true;
  }
};

struct ConcatLowering : LoweringModel<ConcatLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    FailureOr<int64_t> axis =
        getAxis(op, cast<ConcatOp>(op).getAxis(), type->getRank());
    if (failed(axis))
      return failure();
    Value result = empty(b, op->getLoc(), *type);
    SmallVector<OpFoldResult> ones(type->getRank(), b.getIndexAttr(1));
    SmallVector<OpFoldResult> offsets(type->getRank(), b.getIndexAttr(0));
    int64_t offset = 0;
    for (auto [part, operand] : llvm::zip(op->getOperands(), operands)) {
      auto partType = getSizedType(op, part);
      if (failed(partType))
        return failure();
      Shape sizes = getSizes(*partType);
      if (llvm::is_contained(sizes, 0))
        continue; // tensor ops want offsets inside
      offsets[*axis] = materialize(b, op->getLoc(), offset);
      offset = addSizes(offset, sizes[*axis]);
      result = tensor::InsertSliceOp::create(
          b, op->getLoc(), operand, result, offsets,
          materialize(b, op->getLoc(), sizes), ones);
    }
    return Values{result};
  }
};

//===----------------------------------------------------------------------===//
// Split
//===----------------------------------------------------------------------===//

/// The sizes of the parts: given, or equal but for the last.
FailureOr<Shape> getParts(SplitOp split, const ValueTable &values,
                          int64_t size) {
  size_t count = split->getNumResults();
  if (split.getSplit()) {
    auto known = values.lookupIntegers(split.getSplit());
    if (!known)
      return Shape(count, kDynamic);
    if (known->size() != count)
      return split.emitOpError() << "has " << count << " results when there "
                                 << "are " << known->size() << " sizes";
    int64_t sum = 0;
    for (int64_t part : *known) {
      if (part < 0 || llvm::AddOverflow(sum, part, sum))
        return split.emitOpError() << "has a part of size " << part;
    }
    if (failed(checkSame(split, sum, "the sum of the parts", size,
                         "the size of the axis")))
      return failure();
    return *known;
  }
  if (auto outputs = split.getNumOutputs(); outputs && *outputs != count)
    return split.emitOpError()
           << "has " << count << " results when num_outputs is " << *outputs;
  if (isDynamic(size))
    return Shape(count, divideSizes(size, count));
  int64_t part = (size + int64_t(count) - 1) / int64_t(count);
  Shape parts(count, part);
  parts.back() = size - part * int64_t(count - 1);
  if (parts.back() < 0)
    return split.emitOpError()
           << "cannot make " << count << " parts of " << size;
  return parts;
}

struct SplitShapes : ShapeModel<SplitShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto split = cast<SplitOp>(op);
    std::optional<Shape> shape = getShape(split.getInput());
    FailureOr<int64_t> axis = 0;
    FailureOr<Shape> parts = Shape();
    if (shape) {
      axis = getAxis(op, split.getAxis(), shape->size());
      if (failed(axis))
        return failure();
      parts = getParts(split, values, (*shape)[*axis]);
      if (failed(parts))
        return failure();
    }
    for (auto [i, result] : llvm::enumerate(op->getResults())) {
      if (shape)
        (*shape)[*axis] = (*parts)[i];
      types.push_back(withShape(result, shape));
    }
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto rank = getRank(op->getOperand(0));
    int64_t axis = cast<SplitOp>(op).getAxis();
    return rank && axis != 0 && axis != -*rank && onlyBatched(batched, {0});
  }
};

struct SplitLowering : LoweringModel<SplitLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    int64_t rank = cast<RankedTensorType>(operands[0].getType()).getRank();
    FailureOr<int64_t> axis = getAxis(op, cast<SplitOp>(op).getAxis(), rank);
    if (failed(axis))
      return failure();
    SmallVector<OpFoldResult> ones(rank, b.getIndexAttr(1));
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
    Values parts;
    int64_t offset = 0;
    for (Value result : op->getResults()) {
      auto type = getSizedType(op, result);
      if (failed(type))
        return failure();
      Shape sizes = getSizes(*type);
      if (llvm::is_contained(sizes, 0)) { // tensor ops want offsets inside
        parts.push_back(empty(b, op->getLoc(), *type));
        continue;
      }
      offsets[*axis] = materialize(b, op->getLoc(), offset);
      offset = addSizes(offset, sizes[*axis]);
      parts.push_back(tensor::ExtractSliceOp::create(
          b, op->getLoc(), withoutSizes(*type), operands[0], offsets,
          materialize(b, op->getLoc(), sizes), ones));
    }
    return parts;
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsConcat(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ConcatShapes, ConcatOp>(context);
    attach<SplitShapes, SplitOp>(context);
    attach<ConcatLowering, ConcatOp>(context);
    attach<SplitLowering, SplitOp>(context);
  });
}
} // namespace mpq
