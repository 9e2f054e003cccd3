//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// return %y, %y  =>  return %y, copy(%y)
//
//   %e = tensor.empty()                   %e = tensor.empty(), %f = tensor.empty()
//   %y = mpq.conv ins(%x) outs(%e)   =>   %y = mpq.conv ins(%x) outs(%e)
//   %z = mpq.conv ins(%y) outs(%e)        %z = mpq.conv ins(%y) outs(%f)
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_DISTINCTRESULTSPASS
#include "DistinctResults.h.inc"
} // namespace mpq

using namespace mlir;

namespace {

struct DistinctResultsPass
    : mpq::impl::DistinctResultsPassBase<DistinctResultsPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([](tensor::EmptyOp op) {
      OpBuilder builder(op);
      for (OpOperand &use : llvm::make_early_inc_range(op->getUses()))
        if (!op->hasOneUse())
          use.set(builder.clone(*op)->getResult(0));
    });
    getOperation().walk([](func::ReturnOp op) {
      llvm::DenseSet<Value> seen;
      OpBuilder builder(op);
      for (OpOperand &operand : op->getOpOperands())
        if (auto type = dyn_cast<RankedTensorType>(operand.get().getType());
            type && !seen.insert(operand.get()).second)
          operand.set(bufferization::AllocTensorOp::create(
              builder, op.getLoc(), type, ValueRange(), operand.get()));
    });
  }
};

} // namespace
