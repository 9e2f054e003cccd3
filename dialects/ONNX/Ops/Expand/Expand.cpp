//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Repetition: Expand broadcasts to a shape, Tile repeats each dimension.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct ExpandShapes : ShapeModel<ExpandShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto expand = cast<ExpandOp>(op);
    std::optional<Shape> from = getShape(expand.getInput()), to;
    const PartialTensor *target = values.lookup(expand.getShape());
    if (from && target && !target->isFloat()) {
      Shape shape = llvm::to_vector(target->getIntegers());
      size_t rank = std::max(shape.size(), from->size());
      from->insert(from->begin(), rank - from->size(), 1);
      shape.insert(shape.begin(), rank - shape.size(), 1);
      to.emplace();
      for (auto [a, c] : llvm::zip(*from, shape)) {
        if (!isDynamic(c) && c < 0)
          return op->emitOpError()
                 << "has the size " << c << " in operand 'shape'";
        if (a != 1 && c != 1 && !isDynamic(a) && !isDynamic(c) &&
            failed(checkSame(op, c, "a size in operand 'shape'", a,
                             "that of operand 'input'")))
          return failure();
        to->push_back(broadcastSizes(op, a, c));
      }
    }
    types.push_back(withShape(expand.getOutput(), to));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    const PartialTensor *from = values.lookup(op->getOperand(0));
    auto result = PartialTensor::create(op->getResult(0).getType());
    if (!from || !result)
      return std::nullopt;
    size_t next = 0;
    forEachIndex(result->type.getShape(), [&](ArrayRef<int64_t> index) {
      result->elements[next++] =
          from->elements[getBroadcastOffset(index, from->type.getShape())];
    });
    return result;
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto from = getRank(op->getOperand(0)), to = getRank(op->getResult(0));
    return from && to && *from == *to && *from > 0 && onlyBatched(batched, {0});
  }
  bool isShapeOperand(Operation *, unsigned index) const { return index == 1; }
};

struct TileShapes : ShapeModel<TileShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto tile = cast<TileOp>(op);
    std::optional<Shape> shape = getShape(tile.getInput());
    if (shape) {
      const PartialTensor *repeats = values.lookup(tile.getRepeats());
      if (repeats && repeats->elements.size() != shape->size())
        return op->emitOpError()
               << "has " << repeats->elements.size()
               << " repeats when the rank is " << shape->size();
      for (auto [d, size] : llvm::enumerate(*shape)) {
        int64_t repeat = repeats ? repeats->getIntegers()[d] : kDynamic;
        if (!isDynamic(repeat) && repeat < 0)
          return op->emitOpError() << "has the repeat " << repeat;
        bool areNumbers = !isDynamic(size) && !isDynamic(repeat);
        size = multiplySizes(size, repeat);
        if (areNumbers && isUnknown(size))
          return op->emitOpError("has repeats that overflow");
      }
    }
    types.push_back(withShape(tile.getOutput(), shape));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto from = getShape(op->getOperand(0)), to = getShape(op->getResult(0));
    return from && to && !from->empty() && from->front() == to->front() &&
           onlyBatched(batched, {0});
  }
  bool isShapeOperand(Operation *, unsigned index) const { return index == 1; }
};

struct ExpandLowering : LoweringModel<ExpandLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    return Values{elementwise(
        b, op->getLoc(), *type, operands[0],
        [](OpBuilder &, Location, ValueRange in) { return in[0]; })};
  }
};

struct TileLowering : LoweringModel<TileLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    auto from = getSizedType(op, op->getOperand(0));
    if (failed(type) || failed(from))
      return failure();
    // An empty result runs no iteration, so any divisor will do.
    Values periods;
    for (int64_t size : getSizes(*from))
      periods.push_back(getValueOrCreateConstantIndexOp(
          b, op->getLoc(), materialize(b, op->getLoc(), size ? size : 1)));
    return Values{
        generate(b, op->getLoc(), *type,
                 [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
                   Values index;
                   for (auto [i, period] : llvm::zip(in, periods))
                     index.push_back(arith::RemUIOp::create(b, loc, i, period));
                   return tensor::ExtractOp::create(b, loc, operands[0], index);
                 })};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsExpand(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ExpandShapes, ExpandOp>(context);
    attach<TileShapes, TileOp>(context);
    attach<ExpandLowering, ExpandOp>(context);
    attach<TileLowering, TileOp>(context);
  });
}
} // namespace mpq
