//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Slice: data[start : end : step] along some axes, numpy's rules.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Where a slice begins, how far apart its elements are, and how many, per
/// dimension of the data.
struct Range {
  Shape start, step, count;
};

/// numpy: a negative bound counts from the end, then both are clamped to what
/// the direction can reach.
void sliceDimension(int64_t size, int64_t start, int64_t end, int64_t step,
                    Range &range, int64_t axis) {
  auto clamp = [&](int64_t bound, int64_t low, int64_t high) {
    if (bound < 0)
      bound = bound < -size ? low : bound + size;
    return std::min(std::max(bound, low), high);
  };
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  start = clamp(start, step > 0 ? 0 : std::min<int64_t>(0, high), high);
  end = end < 0 && end < -size ? low : clamp(end, low, high);
  int64_t length = step > 0 ? end - start : start - end;
  uint64_t stride = step > 0 ? step : -uint64_t(step);
  range.start[axis] = start;
  range.step[axis] = step;
  range.count[axis] =
      length <= 0 ? 0 : 1 + int64_t(uint64_t(length - 1) / stride);
}

/// The same where a size or bound is an expression. Nothing is clamped: sizes
/// of which a bound would reach outside are refused.
void sliceSymbolic(SliceOp op, int64_t size, int64_t start, int64_t end,
                   int64_t step, Range &range, int64_t axis) {
  range.count[axis] = kDynamic;
  range.step[axis] = step;
  if (step == -1 && start == -1 && !isDynamic(end) && end <= INT32_MIN) {
    range.start[axis] = subtractSizes(size, 1);
    range.count[axis] = size;
    return;
  }
  if (step < 1)
    return;
  auto fromFront = [&](int64_t bound) {
    return !isDynamic(bound) && bound < 0 ? addSizes(size, bound) : bound;
  };
  start = fromFront(start);
  end = !isDynamic(end) && end >= INT32_MAX ? size : fromFront(end);
  requireAtMost(op, 0, start);
  requireAtMost(op, start, end);
  requireAtMost(op, end, size);
  int64_t length = subtractSizes(end, start);
  if (!isDynamic(length) && length < 0)
    length = 0;
  range.start[axis] = start;
  if (!isUnknown(length))
    range.count[axis] =
        toSize(toExpr(length, op.getContext()).ceilDiv(uint64_t(step)));
}

/// Nothing if the operands are not known; then the sliced axes are unknown, or
/// all are.
FailureOr<std::optional<Range>> getRange(SliceOp op, const ValueTable &values,
                                         ArrayRef<int64_t> shape) {
  auto starts = values.lookupSizes(op.getStarts()),
       ends = values.lookupSizes(op.getEnds());
  int64_t rank = shape.size();
  Range range{Shape(rank, 0), Shape(rank, 1), llvm::to_vector(shape)};
  auto axes = op.getAxes() ? values.lookupIntegers(op.getAxes()) : std::nullopt;
  auto steps =
      op.getSteps() ? values.lookupIntegers(op.getSteps()) : std::nullopt;
  if (op.getAxes() && !axes)
    return std::optional<Range>();
  if (!axes) {
    auto length = getShape(op.getStarts());
    if (!length || length->size() != 1 || isDynamic(length->front()))
      return std::optional<Range>();
    axes = iota(length->front());
  }
  FailureOr<Shape> positive = getAxes(op, *axes, rank);
  if (failed(positive))
    return failure();
  for (auto [name, list] :
       {std::pair("starts", &starts), {"ends", &ends}, {"steps", &steps}})
    if (*list && (*list)->size() != positive->size())
      return op.emitOpError() << "has " << (*list)->size() << " " << name
                              << " for " << positive->size() << " axes";
  for (auto [i, axis] : llvm::enumerate(*positive)) {
    int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0)
      return op.emitOpError("has a step of 0");
    if (!starts || !ends || (op.getSteps() && !steps) ||
        isUnknown(shape[axis])) {
      // The whole axis, whatever its size.
      bool whole = starts && ends && step == 1 && (*starts)[i] == 0 &&
                   (*ends)[i] >= INT32_MAX;
      range.count[axis] = whole ? shape[axis] : kDynamic;
      continue;
    }
    if (isDynamic(shape[axis]) || isSymbolic((*starts)[i]) ||
        isSymbolic((*ends)[i])) {
      sliceSymbolic(op, shape[axis], (*starts)[i], (*ends)[i], step, range,
                    axis);
      continue;
    }
    sliceDimension(shape[axis], (*starts)[i], (*ends)[i], step, range, axis);
  }
  return std::optional(range);
}

struct SliceShapes : ShapeModel<SliceShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto slice = cast<SliceOp>(op);
    std::optional<Shape> shape = getShape(slice.getData());
    if (shape) {
      auto range = getRange(slice, values, *shape);
      if (failed(range))
        return failure();
      shape = *range ? (*range)->count : Shape(shape->size(), kDynamic);
    }
    types.push_back(withShape(slice.getOutput(), shape));
    return success();
  }

  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    auto slice = cast<SliceOp>(op);
    const PartialTensor *data = values.lookup(slice.getData());
    auto result = PartialTensor::create(slice.getType());
    if (!data || !result)
      return std::nullopt;
    auto range = getRange(slice, values, data->type.getShape());
    if (failed(range) || !*range || llvm::any_of((*range)->count, isDynamic))
      return std::nullopt;
    Shape strides = getStrides(data->type.getShape());
    size_t next = 0;
    forEachIndex((*range)->count, [&](ArrayRef<int64_t> index) {
      int64_t offset = 0;
      for (auto [d, i] : llvm::enumerate(index))
        offset += ((*range)->start[d] + i * (*range)->step[d]) * strides[d];
      result->elements[next++] = data->elements[offset];
    });
    return result;
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto slice = cast<SliceOp>(op);
    auto from = getShape(slice.getData()), to = getShape(slice.getOutput());
    if (!from || !to || from->empty() || !onlyBatched(batched, {0}))
      return false;
    auto range = getRange(slice, ValueTable(), *from);
    return succeeded(range) && *range && (*range)->start[0] == 0 &&
           (*range)->step[0] == 1 && from->front() == to->front();
  }
};

struct SliceLowering : LoweringModel<SliceLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    Location loc = op->getLoc();
    auto slice = cast<SliceOp>(op);
    auto type = getSizedType(op, op->getResult(0));
    auto from = getSizedType(op, op->getOperand(0));
    if (failed(type) || failed(from))
      return failure();
    auto range = getRange(slice, ValueTable(), getSizes(*from));
    if (failed(range))
      return failure();
    if (!*range || (*range)->count != getSizes(*type))
      return op->emitOpError("has bounds that are not constants");
    // Tensor ops want offsets inside.
    if (llvm::is_contained((*range)->count, 0))
      return Values{empty(b, loc, *type)};
    if (llvm::all_of((*range)->step, [](int64_t step) { return step > 0; }))
      return Values{tensor::ExtractSliceOp::create(
          b, loc, withoutSizes(*type), operands[0],
          materialize(b, loc, (*range)->start),
          materialize(b, loc, (*range)->count),
          materialize(b, loc, (*range)->step))};
    Values starts;
    for (int64_t start : (*range)->start)
      starts.push_back(
          getValueOrCreateConstantIndexOp(b, loc, materialize(b, loc, start)));
    return Values{generate(
        b, loc, *type, [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
          Values index;
          for (auto [d, i] : llvm::enumerate(in)) {
            Value step =
                arith::ConstantIndexOp::create(b, loc, (*range)->step[d]);
            index.push_back(arith::AddIOp::create(
                b, loc, starts[d], arith::MulIOp::create(b, loc, i, step)));
          }
          return tensor::ExtractOp::create(b, loc, operands[0], index);
        })};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsSlice(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<SliceShapes, SliceOp>(context);
    attach<SliceLowering, SliceOp>(context);
  });
}
} // namespace mpq
