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

FailureOr<RankedTensorType> getSizedType(Operation *op, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || llvm::is_contained(getSizes(type), kDynamic))
    return op->emitOpError()
           << "has type " << value.getType()
           << ", whose sizes are no functions of those of the "
              "model's inputs";
  if (type.getElementType().isUnsignedInteger() ||
      !type.getElementType().isIntOrFloat())
    return op->emitOpError()
           << "cannot be lowered for element type " << type.getElementType();
  return getTypeOf(getSizes(type), type.getElementType());
}

FailureOr<RankedTensorType> getStaticType(Operation *op, Value value) {
  FailureOr<RankedTensorType> type = getSizedType(op, value);
  if (succeeded(type) && !type->hasStaticShape())
    return op->emitOpError() << "has type " << withoutSizes(*type)
                             << " when it should have a static shape";
  return type;
}

FailureOr<SmallVector<int64_t>> requireIntegers(Operation *op, Value value,
                                                StringRef what) {
  if (auto integers = getConstantIntegers(value))
    return *integers;
  return op->emitOpError() << what << " is not a constant";
}

Value buildIntegers(OpBuilder &b, Location loc, const PartialTensor &value) {
  if (value.isKnown())
    return arith::ConstantOp::create(b, loc, value.toConstant());
  Type element = value.type.getElementType();
  Values elements;
  for (int64_t size : value.getIntegers()) {
    OpFoldResult made = materialize(b, loc, size);
    if (auto constant = getConstantIntValue(made))
      elements.push_back(arith::ConstantOp::create(
          b, loc, b.getIntegerAttr(element, *constant)));
    else
      elements.push_back(
          arith::IndexCastOp::create(b, loc, element, cast<Value>(made)));
  }
  return tensor::FromElementsOp::create(b, loc, value.type, elements);
}

Value scalar(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value empty(OpBuilder &b, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(b, loc, materialize(b, loc, getSizes(type)),
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

Value reduce(OpBuilder &b, Location loc, Value input, RankedTensorType type,
             ArrayRef<int64_t> axes, Value init, Body combine) {
  Iterators iterators(type.getRank(), utils::IteratorType::parallel);
  SmallVector<AffineExpr> kept;
  Shape sizes = getSizes(type), shape;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    if (llvm::is_contained(axes, d)) {
      iterators[d] = utils::IteratorType::reduction;
      continue;
    }
    kept.push_back(b.getAffineDimExpr(d));
    shape.push_back(sizes[d]);
  }
  Value start = filled(b, loc, getTypeOf(shape, init.getType()), init);
  return generic(b, loc, start, input,
                 {b.getMultiDimIdentityMap(type.getRank()),
                  AffineMap::get(type.getRank(), 0, kept, b.getContext())},
                 iterators, combine);
}

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

namespace {
/// Two shapes cut into parts with the same number of elements each:
///
///   [1, s0, 64] and [s0, 8, 8]:   1, s0 | 64   and   s0 | 8, 8
///
/// `middle` has the numbers of elements, [s0, 64].
struct Regrouping {
  SmallVector<ReassociationIndices> from, to;
  Shape middle;

  Regrouping(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    if (!match(a, b))
      useOneGroup(a, b);
  }

private:
  /// Cuts off the smallest parts first; fails where that does not go on.
  bool match(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
      ReassociationIndices left = {int64_t(i)}, right = {int64_t(j)};
      int64_t m = a[i++], n = b[j++];
      while (m != n) {
        // The smaller one grows: the one that divides the other.
        bool growsLeft = isMultiple(n, m) && i < a.size();
        if (!growsLeft && !(isMultiple(m, n) && j < b.size()))
          return false;
        if (growsLeft) {
          left.push_back(i);
          m = multiplySizes(m, a[i++]);
        } else {
          right.push_back(j);
          n = multiplySizes(n, b[j++]);
        }
      }
      from.push_back(left), to.push_back(right), middle.push_back(m);
    }
    if (middle.empty())
      return false;
    // Sizes 1 are left.
    for (; i < a.size(); ++i)
      from.back().push_back(i);
    for (; j < b.size(); ++j)
      to.back().push_back(j);
    return true;
  }

  static bool isMultiple(int64_t m, int64_t n) {
    return !isUnknown(divideSizes(m, n));
  }
  void useOneGroup(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    from.assign(1, llvm::to_vector<2>(llvm::seq<int64_t>(0, a.size())));
    to.assign(1, llvm::to_vector<2>(llvm::seq<int64_t>(0, b.size())));
    middle.assign(1, 1);
    for (int64_t size : a)
      middle[0] = multiplySizes(middle[0], size);
  }
};
} // namespace

/// Both steps are views.
static Value reshapeDynamic(OpBuilder &b, Location loc, Value input,
                            ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  Type element = cast<RankedTensorType>(input.getType()).getElementType();
  Regrouping groups(from, to);
  auto getType = [&](ArrayRef<int64_t> shape) {
    return withoutSizes(getTypeOf(shape, element));
  };
  if (groups.from.size() != from.size())
    input = tensor::CollapseShapeOp::create(b, loc, getType(groups.middle),
                                            input, groups.from);
  if (groups.to.size() != to.size())
    input = tensor::ExpandShapeOp::create(b, loc, getType(to), input, groups.to,
                                          materialize(b, loc, to));
  return input;
}

static Value reshapeStatic(OpBuilder &b, Location loc, Value input,
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

Value reshape(OpBuilder &b, Location loc, Value input, ArrayRef<int64_t> from,
              ArrayRef<int64_t> to) {
  if (from == to)
    return input;
  if (llvm::any_of(from, isDynamic) || llvm::any_of(to, isDynamic))
    return reshapeDynamic(b, loc, input, from, to);
  return reshapeStatic(b, loc, input, to);
}

Value reshape(OpBuilder &b, Location loc, Value input, ArrayRef<int64_t> to) {
  return reshapeStatic(b, loc, input, to);
}

} // namespace mpq::onnx
