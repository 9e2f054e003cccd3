//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Transpose: result dimension d is operand dimension perm[d].
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// The permutation; the default reverses.
FailureOr<Shape> getPermutation(TransposeOp op, int64_t rank) {
  auto perm = op.getPerm();
  if (!perm) {
    Shape reversed = iota(rank);
    std::reverse(reversed.begin(), reversed.end());
    return reversed;
  }
  if (int64_t(perm->size()) != rank)
    return op.emitOpError() << "has a permutation of " << perm->size()
                            << " dimensions when the rank is " << rank;
  return getAxes(op, *perm, rank);
}

struct TransposeShapes : ShapeModel<TransposeShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto transpose = cast<TransposeOp>(op);
    std::optional<Shape> from = getShape(transpose.getData()), to;
    if (from) {
      FailureOr<Shape> perm = getPermutation(transpose, from->size());
      if (failed(perm))
        return failure();
      to.emplace();
      for (int64_t d : *perm)
        to->push_back((*from)[d]);
    }
    types.push_back(withShape(transpose.getTransposed(), to));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool>) const {
    auto rank = getRank(op->getOperand(0));
    if (!rank || *rank == 0)
      return false;
    auto perm = getPermutation(cast<TransposeOp>(op), *rank);
    return succeeded(perm) && perm->front() == 0;
  }
};

struct TransposeLowering : LoweringModel<TransposeLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    FailureOr<Shape> perm =
        getPermutation(cast<TransposeOp>(op), type->getRank());
    if (failed(perm))
      return failure();
    auto transposed = linalg::TransposeOp::create(
        b, op->getLoc(), operands[0], empty(b, op->getLoc(), *type), *perm);
    return Values{transposed->getResult(0)};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsTranspose(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<TransposeShapes, TransposeOp>(context);
    attach<TransposeLowering, TransposeOp>(context);
  });
}
} // namespace mpq
