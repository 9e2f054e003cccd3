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

#include "dialects/ONNX/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

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

/// a, of `rows` x K, times the weight whose rows run along `axis`.
Value buildMatmul(OpBuilder &b, Location loc, Value a, int64_t rows, Value weight, int64_t axis, Value bias) {
  ArrayRef<int64_t> shape = getWeightShape(weight);
  RankedTensorType sized = onnx::getTypeOf({rows, shape[axis]}, b.getF32Type()), type = onnx::withoutSizes(sized);
  auto matmul = mpq::MatmulOp::create(
      b, loc, TypeRange(type), a, weight, bias, /*residual=*/Value(), onnx::empty(b, loc, sized),
      b.getDenseI64ArrayAttr({shape[axis], shape[1 - axis]}), b.getI64IntegerAttr(axis), RangeAttr(), UniformAttr(),
      UniformAttr(), UniformAttr(), StringAttr());
  return matmul->getResult(0);
}

Value scale(OpBuilder &b, Location loc, Value value, RankedTensorType type, double factor) {
  if (factor == 1.0)
    return value;
  return onnx::elementwise(b, loc, type, value, [&](OpBuilder &nested, Location, ValueRange args) -> Value {
    Value constant = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(factor));
    return arith::MulFOp::create(nested, loc, args[0], constant);
  });
}

Value add(OpBuilder &b, Location loc, Value value, RankedTensorType type, Value other) {
  return onnx::elementwise(b, loc, type, {value, other}, [&](OpBuilder &nested, Location, ValueRange args) -> Value {
    return arith::AddFOp::create(nested, loc, args[0], args[1]);
  });
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
  Value init = onnx::filled(b, loc, result, zero);
  auto generic = linalg::GenericOp::create(
      b, loc, TypeRange(init.getType()), ValueRange{lhs, rhs}, ValueRange(init),
      ArrayRef<AffineMap>{operandMap(lhs, m, k), operandMap(rhs, k, n), out}, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        Value product = arith::MulFOp::create(nested, nestedLoc, args[0], args[1]);
        Value sum = arith::AddFOp::create(nested, nestedLoc, args[2], product);
        linalg::YieldOp::create(nested, nestedLoc, sum);
      });
  return generic.getResult(0);
}

/// The type of a result, which is f32, with its sizes.
FailureOr<RankedTensorType> getResultType(Operation *op) {
  FailureOr<RankedTensorType> type = onnx::getSizedType(op, op->getResult(0));
  if (succeeded(type) && !type->getElementType().isF32())
    return op->emitOpError("has element type ") << type->getElementType() << "; f32 is supported";
  return type;
}

struct MatMulLowering : onnx::LoweringOpInterface::ExternalModel<MatMulLowering, onnx::MatMulOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    Location loc = op->getLoc();
    FailureOr<RankedTensorType> result = getResultType(op), left = onnx::getSizedType(op, op->getOperand(0));
    if (failed(result) || failed(left))
      return failure();
    Value a = operands[0], w = operands[1];
    onnx::Shape aShape = onnx::getSizes(*left), shape = onnx::getSizes(*result);
    if (isWeight(w) && getWeightShape(w).size() == 2) {
      int64_t k = getWeightShape(w)[0], n = getWeightShape(w)[1], rows = 1;
      for (int64_t size : ArrayRef(aShape).drop_back())
        rows = onnx::multiplySizes(rows, size);
      Value y = buildMatmul(b, loc, onnx::reshape(b, loc, a, aShape, {rows, k}), rows, w, 1, {});
      return SmallVector<Value>{onnx::reshape(b, loc, y, {rows, n}, shape)};
    }
    FailureOr<RankedTensorType> right = onnx::getSizedType(op, op->getOperand(1));
    if (failed(right))
      return failure();
    // Vectors are matrices with one row or column.
    onnx::Shape wShape = onnx::getSizes(*right), matrix = shape;
    if (aShape.size() == 1) {
      a = onnx::reshape(b, loc, a, aShape, {1, aShape[0]});
      matrix.insert(matrix.end() - (wShape.size() == 1 ? 0 : 1), 1);
    }
    if (wShape.size() == 1) {
      w = onnx::reshape(b, loc, w, wShape, {wShape[0], 1});
      matrix.push_back(1);
    }
    Value product = buildContraction(b, loc, a, w, onnx::getTypeOf(matrix, b.getF32Type()));
    return SmallVector<Value>{onnx::reshape(b, loc, product, matrix, shape)};
  }
};

struct GemmLowering : onnx::LoweringOpInterface::ExternalModel<GemmLowering, onnx::GemmOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    auto gemm = cast<onnx::GemmOp>(op);
    Location loc = op->getLoc();
    FailureOr<RankedTensorType> result = getResultType(op), left = onnx::getSizedType(op, gemm.getA());
    if (failed(result) || failed(left))
      return failure();
    Value a = operands[0], w = operands[1], c = operands.size() > 2 ? operands[2] : Value();
    if (gemm.getTransA())
      a = transpose(b, loc, a, *left);
    double alpha = gemm.getAlpha().convertToDouble(), beta = gemm.getBeta().convertToDouble();
    int64_t rows = onnx::getSizes(*result)[0], columns = onnx::getSizes(*result)[1];
    bool biasFits = c && alpha == 1.0 && beta == 1.0 && getType(c).hasStaticShape() &&
                    getType(c).getNumElements() == columns;
    Value y;
    if (isWeight(w)) {
      Value bias = biasFits ? onnx::reshape(b, loc, c, {columns}) : Value();
      y = buildMatmul(b, loc, a, rows, w, gemm.getTransB() ? 0 : 1, bias);
      if (bias)
        return SmallVector<Value>{y};
    } else {
      FailureOr<RankedTensorType> right = onnx::getSizedType(op, gemm.getB());
      if (failed(right))
        return failure();
      if (gemm.getTransB())
        w = transpose(b, loc, w, *right);
      y = buildContraction(b, loc, a, w, *result);
    }
    y = scale(b, loc, y, *result, alpha);
    if (c && beta != 0.0) {
      FailureOr<RankedTensorType> type = onnx::getSizedType(op, gemm.getC());
      if (failed(type))
        return failure();
      y = add(b, loc, y, *result, scale(b, loc, c, *type, beta));
    }
    return SmallVector<Value>{y};
  }

  static Value transpose(OpBuilder &b, Location loc, Value value, RankedTensorType type) {
    onnx::Shape sizes = onnx::getSizes(type);
    Value init = onnx::empty(b, loc, onnx::getTypeOf({sizes[1], sizes[0]}, type.getElementType()));
    return linalg::TransposeOp::create(b, loc, value, init, ArrayRef<int64_t>{1, 0})->getResult(0);
  }
};

} // namespace

void mpq::attachMatMulLowerings(MLIRContext *context) {
  context->loadDialect<linalg::LinalgDialect, arith::ArithDialect>();
  onnx::MatMulOp::attachInterface<MatMulLowering>(*context);
  onnx::GemmOp::attachInterface<GemmLowering>(*context);
}
