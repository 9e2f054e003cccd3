//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.MatMul(%a, %w), onnx.Gemm(%a, %w, %c)  =>  mpq.matmul with the weight
//
// A product of two activations becomes `linalg` contractions.
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;
using namespace mpq;

namespace {

RankedTensorType getType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The logical shape of a weight, stored or not.
ArrayRef<int64_t> getWeightShape(Value weight) {
  if (auto stored = dyn_cast<StoredTensorType>(weight.getType()))
    return stored.getShape();
  return getType(weight).getShape();
}

/// a (M x K) times the weight whose rows run along `axis`.
Value buildMatmul(OpBuilder &b, Location loc, Value a, Value weight, int64_t axis, Value bias) {
  ArrayRef<int64_t> shape = getWeightShape(weight);
  auto type = RankedTensorType::get({getType(a).getDimSize(0), shape[axis]}, b.getF32Type());
  auto matmul = mpq::MatmulOp::create(
      b, loc, TypeRange(type), a, weight, bias, /*residual=*/Value(), makeEmpty(b, loc, type),
      b.getDenseI64ArrayAttr({shape[axis], shape[1 - axis]}), b.getI64IntegerAttr(axis), RangeAttr(), UniformAttr(),
      UniformAttr(), UniformAttr(), StringAttr());
  return matmul->getResult(0);
}

/// Elementwise combination of values that broadcast to `type`, right-aligned.
Value buildElementwise(OpBuilder &b, Location loc, RankedTensorType type, ValueRange inputs,
                       function_ref<Value(OpBuilder &, ValueRange)> body) {
  int64_t rank = type.getRank();
  SmallVector<AffineMap> maps;
  for (Value input : inputs) {
    SmallVector<AffineExpr> exprs;
    auto inputType = getType(input);
    for (int64_t d = 0; d < inputType.getRank(); ++d) {
      bool broadcast = inputType.getDimSize(d) == 1;
      exprs.push_back(broadcast ? b.getAffineConstantExpr(0) : b.getAffineDimExpr(rank - inputType.getRank() + d));
    }
    maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, loc, TypeRange(type), inputs, ValueRange(makeEmpty(b, loc, type)), maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        linalg::YieldOp::create(nested, nestedLoc, body(nested, args.drop_back()));
      });
  return generic.getResult(0);
}

Value scale(OpBuilder &b, Location loc, Value value, double factor) {
  if (factor == 1.0)
    return value;
  return buildElementwise(b, loc, getType(value), value, [&](OpBuilder &nested, ValueRange args) -> Value {
    Value constant = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(factor));
    return arith::MulFOp::create(nested, loc, args[0], constant);
  });
}

Value add(OpBuilder &b, Location loc, Value value, Value other) {
  return buildElementwise(b, loc, getType(value), {value, other}, [&](OpBuilder &nested, ValueRange args) -> Value {
    return arith::AddFOp::create(nested, loc, args[0], args[1]);
  });
}

/// Reshapes by collapsing to one dimension and expanding again.
Value reshape(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> shape) {
  auto type = getType(value);
  if (type.getShape() == shape)
    return value;
  auto all = [](int64_t rank) {
    ReassociationIndices indices(rank);
    std::iota(indices.begin(), indices.end(), 0);
    return SmallVector<ReassociationIndices>{indices};
  };
  auto flat = RankedTensorType::get({type.getNumElements()}, type.getElementType());
  if (type.getRank() > 1)
    value = tensor::CollapseShapeOp::create(b, loc, flat, value, all(type.getRank()));
  if (shape.size() == 1)
    return value;
  return tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), value,
                                       all(shape.size()));
}

/// A product of activations: linalg.batch_matmul over broadcast batches.
Value buildContraction(OpBuilder &b, Location loc, Value lhs, Value rhs, RankedTensorType result) {
  int64_t rank = result.getRank();
  // Iteration space: the result's dimensions, then k.
  auto operandMap = [&](Value operand, AffineExpr row, AffineExpr column) {
    auto type = getType(operand);
    int64_t batch = type.getRank() - 2;
    SmallVector<AffineExpr> exprs;
    for (int64_t d = 0; d < batch; ++d)
      exprs.push_back(type.getDimSize(d) == 1 ? b.getAffineConstantExpr(0)
                                              : b.getAffineDimExpr(rank - 2 - batch + d));
    exprs.append({row, column});
    return AffineMap::get(rank + 1, 0, exprs, b.getContext());
  };
  AffineExpr m = b.getAffineDimExpr(rank - 2), n = b.getAffineDimExpr(rank - 1), k = b.getAffineDimExpr(rank);
  AffineMap out = AffineMap::getMultiDimIdentityMap(rank + 1, b.getContext()).getMajorSubMap(rank);
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value init = linalg::FillOp::create(b, loc, zero, makeEmpty(b, loc, result)).getResult(0);
  auto generic = linalg::GenericOp::create(
      b, loc, TypeRange(result), ValueRange{lhs, rhs}, ValueRange(init),
      ArrayRef<AffineMap>{operandMap(lhs, m, k), operandMap(rhs, k, n), out}, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        Value product = arith::MulFOp::create(nested, nestedLoc, args[0], args[1]);
        Value sum = arith::AddFOp::create(nested, nestedLoc, args[2], product);
        linalg::YieldOp::create(nested, nestedLoc, sum);
      });
  return generic.getResult(0);
}

struct MatMulLowering : onnx::LoweringOpInterface::ExternalModel<MatMulLowering, onnx::MatMulOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    Location loc = op->getLoc();
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    if (!result.getElementType().isF32())
      return op->emitOpError("has element type ") << result.getElementType() << "; f32 is supported";
    Value a = operands[0], w = operands[1];
    if (isWeight(w) && getWeightShape(w).size() == 2) {
      int64_t k = getWeightShape(w)[0];
      Value rows = reshape(b, loc, a, {getType(a).getNumElements() / k, k});
      return SmallVector<Value>{reshape(b, loc, buildMatmul(b, loc, rows, w, 1, {}), result.getShape())};
    }
    // Vectors are matrices with one row or column.
    SmallVector<int64_t> shape(result.getShape());
    if (getType(a).getRank() == 1) {
      a = reshape(b, loc, a, {1, getType(a).getDimSize(0)});
      shape.insert(shape.end() - (getType(w).getRank() == 1 ? 0 : 1), 1);
    }
    if (getType(w).getRank() == 1) {
      w = reshape(b, loc, w, {getType(w).getDimSize(0), 1});
      shape.push_back(1);
    }
    Value product = buildContraction(b, loc, a, w, RankedTensorType::get(shape, b.getF32Type()));
    return SmallVector<Value>{reshape(b, loc, product, result.getShape())};
  }
};

struct GemmLowering : onnx::LoweringOpInterface::ExternalModel<GemmLowering, onnx::GemmOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    auto gemm = cast<onnx::GemmOp>(op);
    Location loc = op->getLoc();
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    if (!result.getElementType().isF32())
      return op->emitOpError("has element type ") << result.getElementType() << "; f32 is supported";
    Value a = operands[0], w = operands[1], c = operands.size() > 2 ? operands[2] : Value();
    if (gemm.getTransA())
      a = transpose(b, loc, a);
    double alpha = gemm.getAlpha().convertToDouble(), beta = gemm.getBeta().convertToDouble();
    bool biasFits = c && alpha == 1.0 && beta == 1.0 && getType(c).getNumElements() == result.getDimSize(1);
    Value y;
    if (isWeight(w)) {
      Value bias = biasFits ? reshape(b, loc, c, {result.getDimSize(1)}) : Value();
      y = buildMatmul(b, loc, a, w, gemm.getTransB() ? 0 : 1, bias);
      if (bias)
        return SmallVector<Value>{y};
    } else {
      if (gemm.getTransB())
        w = transpose(b, loc, w);
      y = buildContraction(b, loc, a, w, result);
    }
    y = scale(b, loc, y, alpha);
    if (c && beta != 0.0)
      y = add(b, loc, y, scale(b, loc, c, beta));
    return SmallVector<Value>{y};
  }

  static Value transpose(OpBuilder &b, Location loc, Value value) {
    auto type = getType(value);
    auto transposed = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
    return linalg::TransposeOp::create(b, loc, value, makeEmpty(b, loc, transposed), ArrayRef<int64_t>{1, 0})
        ->getResult(0);
  }
};

} // namespace

void mpq::attachMatMulLowerings(MLIRContext *context) {
  context->loadDialect<linalg::LinalgDialect, arith::ArithDialect>();
  onnx::MatMulOp::attachInterface<MatMulLowering>(*context);
  onnx::GemmOp::attachInterface<GemmLowering>(*context);
}
