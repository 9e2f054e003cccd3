//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Folding on the onnx dialect.
//
//   onnx.BatchNormalization(onnx.Conv(%x, %w), ...)
//     =>  onnx.Conv(%x, %w', %b')
//   onnx.Reshape(%x, onnx.Concat(onnx.Shape(%x)...))
//     =>  onnx.Reshape(%x, constant)
//
// Values of small tensors come out of shape inference; weights are folded by
// patterns (FoldConstants.cpp, FoldBatchNormalization.cpp).
//
//===----------------------------------------------------------------------===//
#include "Constants.h"

#include "dialects/ONNX/Inference.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace mpq {
#define GEN_PASS_DEF_ONNXFOLDPASS
#include "OnnxFold.h.inc"

namespace {

/// Replaces results whose value is known by constants.
void replaceKnown(func::FuncOp function, const onnx::ValueTable &values) {
  for (Operation &op : llvm::make_early_inc_range(
           function.getBody().front().without_terminator())) {
    if (!isa<onnx::ONNXDialect>(op.getDialect()) || isa<onnx::ConstantOp>(op) ||
        op.getNumResults() != 1 || op.use_empty())
      continue;
    Value result = op.getResult(0);
    const onnx::PartialTensor *value = values.lookup(result);
    if (!value || !value->isKnown() || value->type != result.getType())
      continue;
    OpBuilder b(&op);
    Value constant =
        onnx::ConstantOp::create(b, op.getLoc(), result.getType(), ValueRange(),
                                 b.getNamedAttr("value", value->toConstant()));
    result.replaceAllUsesWith(constant);
  }
}

struct OnnxFoldPass final : impl::OnnxFoldPassBase<OnnxFoldPass> {
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    onnx::populateFoldConstants(set);
    onnx::populateFoldBatchNormalization(set);
    patterns = std::move(set);
    return success();
  }

  LogicalResult foldOnce() {
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(getOperation(), values)))
      return failure();
    replaceKnown(getOperation(), values);
    // Only patterns and dead code: a Constant is not to be merged with another
    // of the same value, it has a name.
    return applyPatternsGreedily(
        getOperation(), patterns,
        GreedyRewriteConfig().enableFolding(false).enableConstantCSE(false));
  }

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    // Patterns make values known that shape inference then follows.
    for (int round = 0; round < 2; ++round)
      if (failed(foldOnce()))
        return signalPassFailure();
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(getOperation(), values)))
      return signalPassFailure();
    reportLeft();
  }

  /// A BatchNormalization that stayed is slower than it could be.
  void reportLeft() {
    getOperation().walk([](onnx::BatchNormalizationOp op) {
      op.emitRemark("not folded: its parameters are not f32 constants");
    });
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
} // namespace mpq
