//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.Gather(%table, %ids) of rows of a weight  =>  mpq.gather
//
// Any other one becomes a linalg.generic that extracts elements.
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "dialects/ONNX/Lowering.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Whether rows of a matrix of weights are read by i32 or i64 numbers.
bool isEmbedding(onnx::GatherOp op, Value table) {
  int64_t axis = op.getAxis();
  Type index = getElementTypeOrSelf(op.getIndices());
  if (!isWeight(table) || (!index.isInteger(32) && !index.isInteger(64)))
    return false;
  if (auto stored = dyn_cast<StoredTensorType>(table.getType()))
    return stored.getShape().size() == 2 && stored.getAxis() == 0 && (axis == 0 || axis == -2);
  auto type = cast<RankedTensorType>(table.getType());
  return type.getRank() == 2 && type.getElementType().isF32() && type.getNumElements() > 0 &&
         (axis == 0 || axis == -2);
}

struct GatherLowering : onnx::LoweringOpInterface::ExternalModel<GatherLowering, onnx::GatherOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    auto gather = cast<onnx::GatherOp>(op);
    if (!isEmbedding(gather, operands[0]))
      return onnx::lowerGather(gather, b, operands);
    FailureOr<RankedTensorType> type = onnx::getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    auto stored = dyn_cast<StoredTensorType>(operands[0].getType());
    ArrayRef<int64_t> shape =
        stored ? stored.getShape() : cast<RankedTensorType>(operands[0].getType()).getShape();
    Location loc = op->getLoc();
    auto lowered = mpq::GatherOp::create(b, loc, TypeRange(onnx::withoutSizes(*type)), operands[1], operands[0],
                                         onnx::empty(b, loc, *type), b.getDenseI64ArrayAttr(shape), StringAttr());
    return SmallVector<Value>{lowered->getResult(0)};
  }
};

} // namespace

void mpq::attachGatherLowerings(MLIRContext *context) {
  context->loadDialect<tensor::TensorDialect, linalg::LinalgDialect, arith::ArithDialect>();
  onnx::GatherOp::attachInterface<GatherLowering>(*context);
}
