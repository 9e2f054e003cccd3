//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// MatMul, with numpy's rules for vectors and stacks of matrices, and Gemm.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Family.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct MatMulShapes : ShapeModel<MatMulShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto matmul = cast<MatMulOp>(op);
    std::optional<Shape> a = getShape(matmul.getA()),
                         b = getShape(matmul.getB());
    if (!a || !b) {
      types.push_back(withShape(matmul.getY(), std::nullopt));
      return success();
    }
    if (failed(checkRank(op, matmul.getA(), "operand 'A'", 1, true)) ||
        failed(checkRank(op, matmul.getB(), "operand 'B'", 1, true)))
      return failure();
    // A vector is a matrix with one row, or column, that the result drops.
    bool dropRow = a->size() == 1, dropColumn = b->size() == 1;
    if (dropRow)
      a->insert(a->begin(), 1);
    if (dropColumn)
      b->push_back(1);
    if (failed(checkSame(op, a->back(), "the number of columns of 'A'",
                         (*b)[b->size() - 2], "the number of rows of 'B'")))
      return failure();
    Shape y(std::max(a->size(), b->size()) - 2, 1);
    for (const Shape &stack : {*a, *b})
      for (size_t i = 0, e = stack.size() - 2; i < e; ++i) {
        int64_t &size = y[y.size() - e + i];
        if (size != 1 && stack[i] != 1 &&
            failed(checkSame(op, stack[i], "the number of matrices", size,
                             "that of the other operand")))
          return failure();
        size = broadcastSizes(op, size, stack[i]);
      }
    if (!dropRow)
      y.push_back((*a)[a->size() - 2]);
    if (!dropColumn)
      y.push_back(b->back());
    types.push_back(withShape(matmul.getY(), y));
    return success();
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto a = getShape(op->getOperand(0)), b = getShape(op->getOperand(1));
    if (!a || !b)
      return false;
    size_t rank = std::max(a->size(), b->size());
    // Rows of A are independent; a stack of matrices is, for both.
    bool aOk = batched[0] ? a->size() == rank && rank >= 2
                          : a->size() < rank || rank < 3 || a->front() == 1;
    bool bOk = batched[1] ? b->size() == rank && rank >= 3
                          : b->size() < rank || rank < 3 || b->front() == 1;
    return aOk && bOk;
  }
};

struct GemmShapes : ShapeModel<GemmShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto gemm = cast<GemmOp>(op);
    if (failed(checkRank(op, gemm.getA(), "operand 'A'", 2)) ||
        failed(checkRank(op, gemm.getB(), "operand 'B'", 2)))
      return failure();
    Shape a = getShape(gemm.getA()).value_or(Shape{kDynamic, kDynamic});
    Shape b = getShape(gemm.getB()).value_or(Shape{kDynamic, kDynamic});
    if (gemm.getTransA())
      std::swap(a[0], a[1]);
    if (gemm.getTransB())
      std::swap(b[0], b[1]);
    if (failed(checkSame(op, a[1], "the number of columns of 'A'", b[0],
                         "the number of rows of 'B'")))
      return failure();
    Shape y = {a[0], b[1]};
    if (Value bias = gemm.getC())
      if (std::optional<Shape> c = getShape(bias)) {
        if (c->size() > 2)
          return op->emitOpError() << "operand 'C' has rank " << c->size()
                                   << " when it should be at most 2";
        for (auto [i, size] : llvm::enumerate(*c))
          if (size != 1 &&
              failed(checkSame(op, size, "a dimension of 'C'",
                               y[2 - c->size() + i], "that of the result")))
            return failure();
      }
    types.push_back(withShape(gemm.getY(), y));
    return success();
  }

  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto gemm = cast<GemmOp>(op);
    if (batched[1] || !batched[0] || gemm.getTransA())
      return false;
    if (batched.size() < 3)
      return true;
    auto c = getShape(gemm.getC());
    return c &&
           (batched[2] ? c->size() == 2 : c->size() < 2 || c->front() == 1);
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsMatMul(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    onnx::attach<onnx::MatMulShapes, onnx::MatMulOp>(context);
    onnx::attach<onnx::GemmShapes, onnx::GemmOp>(context);
  });
}
} // namespace mpq
