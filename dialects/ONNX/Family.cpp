//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Family.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace mpq::onnx {

std::optional<Shape> getShape(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? std::optional<Shape>(getSizes(type)) : std::nullopt;
}

std::optional<int64_t> getRank(Value value) {
  std::optional<Shape> shape = getShape(value);
  return shape ? std::optional<int64_t>(shape->size()) : std::nullopt;
}

int64_t getCount(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t size : shape)
    count = multiplySizes(count, size);
  return count;
}

Type withShape(Value result, const std::optional<Shape> &shape) {
  Type element = getElementTypeOrSelf(result);
  if (!shape)
    return UnrankedTensorType::get(element);
  return getTypeOf(*shape, element);
}

std::string toString(ArrayRef<int64_t> shape) {
  std::string text = "[";
  llvm::interleave(
      shape,
      [&](int64_t size) {
        text += toString(size, {});
      },
      [&] { text += ", "; });
  return text + "]";
}

FailureOr<int64_t> getAxis(Operation *op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return op->emitOpError()
           << "has axis " << axis << " when the rank is " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<Shape> getAxes(Operation *op, ArrayRef<int64_t> axes, int64_t rank) {
  Shape result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> positive = getAxis(op, axis, rank);
    if (failed(positive))
      return failure();
    if (llvm::is_contained(result, *positive))
      return op->emitOpError() << "has axis " << *positive << " twice";
    result.push_back(*positive);
  }
  return result;
}

FailureOr<std::optional<Shape>> broadcast(Operation *op, ValueRange values) {
  Shape result;
  bool ranked = true;
  for (Value value : values) {
    std::optional<Shape> shape = getShape(value);
    if (!shape) {
      ranked = false;
      continue;
    }
    if (shape->size() > result.size())
      result.insert(result.begin(), shape->size() - result.size(), 1);
    size_t offset = result.size() - shape->size();
    for (auto [i, size] : llvm::enumerate(*shape)) {
      int64_t &known = result[offset + i];
      bool areNumbers = !isDynamic(known) && !isDynamic(size);
      if (areNumbers && known != 1 && size != 1 && size != known)
        return op->emitOpError()
               << "cannot broadcast " << toString(*shape) << " to "
               << toString(result) << ": sizes " << size << " and " << known;
      known = broadcastSizes(op, known, size);
    }
  }
  return ranked ? std::optional<Shape>(result) : std::nullopt;
}

LogicalResult checkSame(Operation *op, int64_t a, StringRef whatA, int64_t b,
                        StringRef whatB) {
  if (isDynamic(a) || isDynamic(b))
    requireEqual(op, a, b);
  if (isDynamic(a) || isDynamic(b) || a == b)
    return success();
  return op->emitOpError() << whatA << " is " << a << " when it should be "
                           << whatB << ", " << b;
}

int64_t broadcastSizes(Operation *op, int64_t a, int64_t b) {
  if (a == 1 || b == 1 || a == b)
    return a == 1 ? b : a;
  // An unknown size may be 1 or the other: the other, or there is an error.
  if (isUnknown(a) || isUnknown(b))
    return isUnknown(a) ? b : a;
  requireEqual(op, a, b);
  return isDynamic(a) ? b : a;
}

LogicalResult checkRank(Operation *op, Value value, StringRef what,
                        int64_t rank, bool atLeast) {
  std::optional<int64_t> actual = getRank(value);
  if (!actual || *actual == rank || (atLeast && *actual > rank))
    return success();
  return op->emitOpError() << what << " has rank " << *actual
                           << " when it should be "
                           << (atLeast ? "at least " : "") << rank;
}

bool broadcastsOverSamples(Operation *op, ArrayRef<bool> batched) {
  std::optional<int64_t> rank = getRank(op->getResult(0));
  if (!rank || *rank == 0)
    return false;
  for (auto [operand, isBatched] : llvm::zip(op->getOperands(), batched)) {
    std::optional<Shape> shape = getShape(operand);
    if (!shape)
      return false;
    bool reaches = int64_t(shape->size()) == *rank;
    if (isBatched ? !reaches : reaches && shape->front() != 1)
      return false;
  }
  return true;
}

bool onlyBatched(ArrayRef<bool> batched, ArrayRef<unsigned> allowed) {
  for (auto [index, isBatched] : llvm::enumerate(batched))
    if (isBatched && !llvm::is_contained(allowed, index))
      return false;
  return true;
}

Shape iota(int64_t count) {
  Shape result(count);
  std::iota(result.begin(), result.end(), 0);
  return result;
}
Shape getStrides(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

void forEachIndex(ArrayRef<int64_t> shape,
                  llvm::function_ref<void(ArrayRef<int64_t>)> body) {
  if (llvm::is_contained(shape, 0))
    return;
  Shape index(shape.size(), 0);
  while (true) {
    body(index);
    int64_t d = int64_t(shape.size()) - 1;
    while (d >= 0 && ++index[d] == shape[d])
      index[d--] = 0;
    if (d < 0)
      return;
  }
}

int64_t getBroadcastOffset(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t offset = 0;
  ArrayRef<int64_t> own = index.take_back(shape.size());
  for (auto [i, size] : llvm::zip(own, shape))
    offset = offset * size + (size == 1 ? 0 : i);
  return offset;
}

} // namespace mpq::onnx
