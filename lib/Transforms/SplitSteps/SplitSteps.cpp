//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Splits the straight-line @main into steps:
//
//   main: view, view, conv(w1), view, conv(w2), add, conv(w3)
//     =>  step_0: conv(w1)   step_1: conv(w2), add   step_2: conv(w3)
//
// Views, constants and globals are cheap and pure, so each step makes its own
// copy of those that it needs.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"

namespace mpq {
#define GEN_PASS_DEF_SPLITSTEPSPASS
#include "SplitSteps.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Arguments of @main that are weight blobs: `weights` and `prepared`.
constexpr unsigned kBlobArguments = 2;

/// Ops that every step may repeat.
bool isRepeatable(Operation *op) {
  return isa<memref::GetGlobalOp>(op) || isPure(op);
}

struct Step {
  SmallVector<Operation *> ops;
  llvm::SetVector<std::pair<unsigned, int64_t>> weights; ///< (blob, offset)
};

class StepSplitter {
public:
  explicit StepSplitter(func::FuncOp main) : main(main) {}

  SmallVector<Step> split() {
    SmallVector<Step> steps(1);
    for (Operation &op : main.getBody().front().without_terminator()) {
      if (isRepeatable(&op))
        continue;
      auto weights = getWeights(&op);
      bool other = llvm::any_of(
          weights, [&](auto w) { return !steps.back().weights.contains(w); });
      if (other && !steps.back().ops.empty() && isSelfContained(steps))
        steps.emplace_back();
      steps.back().ops.push_back(&op);
      steps.back().weights.insert(weights.begin(), weights.end());
    }
    return steps;
  }

  void emit(ArrayRef<Step> steps) {
    OpBuilder builder(main);
    for (auto [index, step] : llvm::enumerate(steps)) {
      builder.setInsertionPoint(main);
      std::string name = "step_" + std::to_string(index);
      auto function = func::FuncOp::create(builder, main.getLoc(), name,
                                           main.getFunctionType());
      function->setAttr("mpq.entry", builder.getStringAttr("mpq_" + name));
      SmallVector<int64_t> slots;
      for (auto [blob, offset] : step.weights)
        slots.append({blob, offset});
      function->setAttr("mpq.step_slots", builder.getDenseI64ArrayAttr(slots));
      builder.setInsertionPointToStart(function.addEntryBlock());
      IRMapping mapping;
      mapping.map(main.getArguments(), function.getArguments());
      for (Operation *op : step.ops)
        clone(builder, op, mapping);
      func::ReturnOp::create(builder, main.getLoc());
    }
  }

private:
  /// The views of weight blobs that `op` reads.
  SmallVector<std::pair<unsigned, int64_t>> getWeights(Operation *op) {
    SmallVector<std::pair<unsigned, int64_t>> weights;
    for (Value operand : op->getOperands()) {
      auto view = operand.getDefiningOp<memref::ViewOp>();
      // A weight that is all of its blob is read without a view.
      auto blob = dyn_cast<BlockArgument>(view ? view.getSource() : operand);
      APInt offset(64, 0);
      if (blob && blob.getOwner() == &main.getBody().front() &&
          blob.getArgNumber() < kBlobArguments &&
          (!view || matchPattern(view.getByteShift(), m_ConstantInt(&offset))))
        weights.push_back({blob.getArgNumber(), offset.getSExtValue()});
    }
    return weights;
  }

  /// No value that is not repeatable crosses the end of the last step.
  static bool isSelfContained(ArrayRef<Step> steps) {
    for (Operation *op : steps.back().ops)
      for (Operation *user : op->getUsers())
        if (!isRepeatable(user) && !llvm::is_contained(steps.back().ops, user))
          return false;
    return true;
  }

  /// Clones `op` after whatever it needs.
  void clone(OpBuilder &builder, Operation *op, IRMapping &mapping) {
    auto need = [&](Value value) {
      Operation *def = value.getDefiningOp();
      if (def && def->getBlock() == &main.getBody().front() &&
          !mapping.contains(value))
        clone(builder, def, mapping);
    };
    for (Value operand : op->getOperands())
      need(operand);
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        need(operand);
    });
    builder.clone(*op, mapping);
  }

  func::FuncOp main;
};

struct SplitStepsPass : mpq::impl::SplitStepsPassBase<SplitStepsPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("module has no function @main");
      return signalPassFailure();
    }
    StepSplitter splitter(main);
    splitter.emit(splitter.split());
  }
};

} // namespace
