//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   Transpose(Mul(Transpose(x), c))  =>  Mul(x, c')
//
// for chains of elementwise ops with constants between transposes that undo
// each other: a BatchNormalization of features between transposes of features
// and tokens is scale and shift of rows.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// The shape of `value` with ones before it, if no more than one dimension is
/// larger than 1: then permuting it moves no element.
std::optional<SmallVector<int64_t>> getThinShape(Value value, int64_t rank) {
  auto type = getRanked(value);
  if (!type || !type.hasStaticShape() || type.getRank() > rank ||
      readReals(value).empty())
    return std::nullopt;
  SmallVector<int64_t> shape(rank - type.getRank(), 1);
  llvm::append_range(shape, type.getShape());
  if (llvm::count_if(shape, [](int64_t size) { return size != 1; }) > 1)
    return std::nullopt;
  return shape;
}

struct CancelTransposes final : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = getRanked(op.getResult());
    if (!type || !op.getPerm())
      return rewriter.notifyMatchFailure(op, "has no rank or permutation");
    ArrayRef<int64_t> perm = *op.getPerm();
    SmallVector<Operation *> chain; // from the result on
    Value value = op.getData();
    while (Operation *link = getLink(value, type.getRank())) {
      chain.push_back(link);
      value = getActivation(link, type.getRank());
    }
    auto first = value.getDefiningOp<TransposeOp>();
    if (!first || !first.getPerm())
      return rewriter.notifyMatchFailure(op, "is not behind another one");
    for (int64_t d = 0; d < type.getRank(); ++d)
      if ((*first.getPerm())[perm[d]] != d)
        return rewriter.notifyMatchFailure(op, "does not undo the other one");
    Value result = first.getData();
    for (Operation *link : llvm::reverse(chain))
      result = rebuild(link, result, type, perm, rewriter);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// The op of `value` if it is elementwise, of one activation and a constant,
  /// and used once.
  static Operation *getLink(Value value, int64_t rank) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<AddOp, SubOp, MulOp, DivOp>(op) ||
        !value.hasOneUse() || !getActivation(op, rank))
      return nullptr;
    return op;
  }

  static Value getActivation(Operation *op, int64_t rank) {
    Value other = getOther(op, [&](Value operand) {
      return getThinShape(operand, rank).has_value();
    });
    auto type = other ? getRanked(other) : nullptr;
    return type && type.getRank() == rank ? other : Value();
  }

  static Value rebuild(Operation *op, Value activation, RankedTensorType type,
                       ArrayRef<int64_t> perm, PatternRewriter &rewriter) {
    Value old = getActivation(op, type.getRank());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (operand == old) {
        operands.push_back(activation);
        continue;
      }
      SmallVector<int64_t> shape, thin = *getThinShape(operand, type.getRank());
      for (int64_t d : perm)
        shape.push_back(thin[d]);
      // Without the ones in front: a vector of features stays one.
      while (shape.size() > 1 && shape.front() == 1)
        shape.erase(shape.begin());
      operands.push_back(
          makeConstant(rewriter, operand, shape, readReals(operand)));
    }
    OperationState state(op->getLoc(), op->getName(), operands, Type(type),
                         op->getDiscardableAttrDictionary().getValue());
    return rewriter.create(state)->getResult(0);
  }
};

} // namespace

void populateCancelTransposes(RewritePatternSet &patterns) {
  patterns.add<CancelTransposes>(patterns.getContext());
}

} // namespace mpq::onnx
