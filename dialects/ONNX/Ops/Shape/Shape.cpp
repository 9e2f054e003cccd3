//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Shape and Size: what is known about a tensor's type, as a value.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// The dimensions [start, end) of a tensor of `rank` that Shape is asked for.
std::pair<int64_t, int64_t> getBounds(ShapeOp op, int64_t rank) {
  auto clamp = [&](int64_t bound) {
    bound = bound < 0 ? bound + rank : bound;
    return std::min(std::max<int64_t>(bound, 0), rank);
  };
  int64_t start = clamp(op.getStart());
  int64_t end = op.getEnd() ? clamp(*op.getEnd()) : rank;
  return {start, std::max(start, end)};
}

struct ShapeShapes : ShapeModel<ShapeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    Shape length = {kDynamic};
    if (auto rank = getRank(op->getOperand(0))) {
      auto [start, end] = getBounds(cast<ShapeOp>(op), *rank);
      length = {end - start};
    }
    types.push_back(withShape(op->getResult(0), length));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &) const {
    auto shape = getShape(op->getOperand(0));
    if (!shape)
      return std::nullopt;
    auto [start, end] = getBounds(cast<ShapeOp>(op), shape->size());
    return PartialTensor::fromShape(ArrayRef(*shape).slice(start, end - start),
                                    op->getContext());
  }
  bool isShapeOperand(Operation *, unsigned) const { return true; }
};

struct SizeShapes : ShapeModel<SizeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    types.push_back(withShape(op->getResult(0), Shape()));
    return success();
  }
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &) const {
    auto shape = getShape(op->getOperand(0));
    auto result = PartialTensor::create(op->getResult(0).getType());
    int64_t count = shape ? getCount(*shape) : kDynamic;
    if (!result || isUnknown(count))
      return std::nullopt;
    if (isSymbolic(count))
      result->elements[0].integer = count;
    else
      result->set(0, count);
    return result;
  }
  bool isShapeOperand(Operation *, unsigned) const { return true; }
};

/// Sizes are numbers, or computed from those of the arguments.
struct ShapeLowering : LoweringModel<ShapeLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b, ValueRange) const {
    auto value = cast<ShapeInferenceOpInterface>(op).inferValue(ValueTable());
    if (!value || llvm::is_contained(value->getIntegers(), kDynamic))
      return op->emitOpError() << "depends on the dynamic shape of "
                               << op->getOperand(0).getType();
    return Values{buildIntegers(b, op->getLoc(), *value)};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsShape(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<ShapeShapes, ShapeOp>(context);
    attach<SizeShapes, SizeOp>(context);
    attach<ShapeLowering, ShapeOp, SizeOp>(context);
  });
}
} // namespace mpq
