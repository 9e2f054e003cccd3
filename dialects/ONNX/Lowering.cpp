//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;

namespace mpq::onnx {

using Iterators = SmallVector<utils::IteratorType>;

FailureOr<RankedTensorType> getStaticType(Operation *op, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape())
    return op->emitOpError() << "has type " << value.getType()
                             << " when it should have a static shape";
  if (type.getElementType().isUnsignedInteger() ||
      !type.getElementType().isIntOrFloat())
    return op->emitOpError()
           << "cannot be lowered for element type " << type.getElementType();
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

FailureOr<SmallVector<int64_t>> requireIntegers(Operation *op, Value value,
                                                StringRef what) {
  if (auto integers = getConstantIntegers(value))
    return *integers;
  return op->emitOpError() << what << " is not a constant";
}

Value scalar(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value empty(OpBuilder &b, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(b, loc, type.getShape(),
                                 type.getElementType());
}

Value filled(OpBuilder &b, Location loc, RankedTensorType type, Value scalar) {
  return linalg::FillOp::create(b, loc, scalar, empty(b, loc, type))
      .getResult(0);
}

static Value
generic(OpBuilder &b, Location loc, Value init, ValueRange inputs,
        ArrayRef<AffineMap> maps, ArrayRef<utils::IteratorType> iterators,
        llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  return linalg::GenericOp::create(
             b, loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder &b, Location loc, ValueRange args) {
               linalg::YieldOp::create(b, loc, body(b, loc, args));
             })
      .getResult(0);
}

Value elementwise(OpBuilder &b, Location loc, RankedTensorType type,
                  ValueRange inputs, Body body) {
  int64_t rank = type.getRank();
  SmallVector<AffineMap> maps;
  for (Value input : inputs) {
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(input.getType()).getShape();
    SmallVector<AffineExpr> exprs;
    for (auto [d, size] : llvm::enumerate(shape)) {
      int64_t dim = rank - shape.size() + d;
      bool repeats = size == 1 && type.getDimSize(dim) != 1;
      exprs.push_back(repeats ? b.getAffineConstantExpr(0)
                              : b.getAffineDimExpr(dim));
    }
    maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  return generic(b, loc, empty(b, loc, type), inputs, maps,
                 Iterators(rank, utils::IteratorType::parallel),
                 [&](OpBuilder &b, Location loc, ValueRange args) {
                   return body(b, loc, args.drop_back());
                 });
}

Value generate(OpBuilder &b, Location loc, RankedTensorType type, Body body) {
  int64_t rank = type.getRank();
  return generic(b, loc, empty(b, loc, type), {},
                 b.getMultiDimIdentityMap(rank),
                 Iterators(rank, utils::IteratorType::parallel),
                 [&](OpBuilder &b, Location loc, ValueRange) {
                   Values index;
                   for (int64_t d = 0; d < rank; ++d)
                     index.push_back(linalg::IndexOp::create(b, loc, d));
                   return body(b, loc, index);
                 });
}

Value reduce(OpBuilder &b, Location loc, Value input, ArrayRef<int64_t> axes,
             Value init, Body combine) {
  auto type = cast<RankedTensorType>(input.getType());
  Iterators iterators(type.getRank(), utils::IteratorType::parallel);
  SmallVector<AffineExpr> kept;
  Shape shape;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    if (llvm::is_contained(axes, d)) {
      iterators[d] = utils::IteratorType::reduction;
      continue;
    }
    kept.push_back(b.getAffineDimExpr(d));
    shape.push_back(type.getDimSize(d));
  }
  Value start =
      filled(b, loc, RankedTensorType::get(shape, init.getType()), init);
  return generic(b, loc, start, input,
                 {b.getMultiDimIdentityMap(type.getRank()),
                  AffineMap::get(type.getRank(), 0, kept, b.getContext())},
                 iterators, combine);
}

Value reshape(OpBuilder &b, Location loc, Value input,
              ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(input.getType());
  auto to = RankedTensorType::get(shape, from.getElementType());
  if (from == to)
    return input;
  // Nothing is in it, so nothing is moved.
  if (from.getNumElements() == 0)
    return empty(b, loc, to);
  if (auto groups = getReassociationIndicesForReshape(from, to)) {
    if (from.getRank() > to.getRank())
      return tensor::CollapseShapeOp::create(b, loc, to, input, *groups);
    return tensor::ExpandShapeOp::create(b, loc, to, input, *groups);
  }
  // Through a vector; that is still a view.
  auto all = [](int64_t rank) {
    SmallVector<ReassociationIndices> groups;
    if (rank > 0)
      groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(0, rank)));
    return groups;
  };
  auto flat =
      RankedTensorType::get({from.getNumElements()}, from.getElementType());
  Value vector =
      from.getRank() == 1
          ? input
          : Value(from.getRank() == 0
                      ? Value(tensor::ExpandShapeOp::create(
                            b, loc, flat, input,
                            ArrayRef<ReassociationIndices>()))
                      : Value(tensor::CollapseShapeOp::create(
                            b, loc, flat, input, all(from.getRank()))));
  if (to.getRank() == 1)
    return vector;
  if (to.getRank() == 0)
    return tensor::CollapseShapeOp::create(b, loc, to, vector,
                                           ArrayRef<ReassociationIndices>());
  return tensor::ExpandShapeOp::create(b, loc, to, vector, all(to.getRank()));
}

} // namespace mpq::onnx
