//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the ops of transformers in the pieces that exporters write.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mpq {
#define GEN_PASS_DEF_ONNXFUSEPASS
#include "OnnxFuse.h.inc"
} // namespace mpq

using namespace mlir;

namespace {

struct OnnxFusePass : mpq::impl::OnnxFusePassBase<OnnxFusePass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    mpq::onnx::populateFuseNormalization(set);
    mpq::onnx::populateFuseRotary(set);
    mpq::onnx::populateFuseAttention(set);
    mpq::onnx::populateCancelTransposes(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // Constants keep their names: neither folded nor merged.
    if (failed(applyPatternsGreedily(
            getOperation(), patterns,
            GreedyRewriteConfig().enableFolding(false).enableConstantCSE(
                false))))
      signalPassFailure();
  }

private:
  FrozenRewritePatternSet patterns;
};

} // namespace
