//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Makes a file on which something fails smaller, for as long as it still fails:
// MLIR's reducer with all dialects and passes of MPQ, and one for data flow.
//
//   quant-reduce model.mlir --bypass-ops='test=fails.sh'
//
//     %1 = onnx.Neg(%0)                        %2 = onnx.Softmax(%0)
//     %2 = onnx.Softmax(%1)             =>     return %0
//     %3 = onnx.Relu(%2)
//     return %3
//
// The script gets a file and exits with 1 where that still shows the fault, and
// with 0 otherwise.
//
//===----------------------------------------------------------------------===//
#include "mpq/Pipeline/Passes.h"
#include "mpq/Support/Plugin.h"
#include "mpq/Support/Registration.h"

#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Reducer/Tester.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {

/// Replaces results by operands of the same type and removes ops without uses,
/// one at a time, from the last op to the first, until nothing more can go.
struct BypassOps : PassWrapper<BypassOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BypassOps)
  BypassOps() = default;
  BypassOps(const BypassOps &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "bypass-ops"; }
  StringRef getDescription() const override { return "Replace results by operands, remove ops without uses"; }

  void runOnOperation() override {
    Tester tester(test, {});
    auto shows = [&] {
      ScopedDiagnosticHandler ignore(&getContext(), [](Diagnostic &) { return success(); });
      return succeeded(verify(getOperation(), /*verifyRecursively=*/true)) &&
             tester.isInteresting(getOperation()).first == Tester::Interestingness::True;
    };
    if (!shows()) {
      getOperation().emitError("test '") << test << "' does not exit with 1 on the input";
      return signalPassFailure();
    }
    while (reduceOnce(shows))
      ;
  }

  bool reduceOnce(function_ref<bool()> shows) {
    SmallVector<Operation *> ops;
    // In reverse, regions come before the op that has them.
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    bool changed = false;
    for (Operation *op : llvm::reverse(ops)) {
      if (op == getOperation() || op->hasTrait<OpTrait::IsTerminator>())
        continue;
      for (OpResult result : op->getResults())
        changed |= bypass(result, shows);
      changed |= op->use_empty() && remove(op, shows);
    }
    return changed;
  }

  bool bypass(OpResult result, function_ref<bool()> shows) {
    SmallVector<OpOperand *> uses = llvm::map_to_vector(result.getUses(), [](OpOperand &use) { return &use; });
    if (uses.empty())
      return false;
    for (Value operand : result.getOwner()->getOperands()) {
      if (operand.getType() != result.getType())
        continue;
      for (OpOperand *use : uses)
        use->set(operand);
      if (shows())
        return true;
      for (OpOperand *use : uses)
        use->set(result);
    }
    return false;
  }

  bool remove(Operation *op, function_ref<bool()> shows) {
    Block *block = op->getBlock();
    Block::iterator next = std::next(op->getIterator());
    op->remove();
    if (shows()) {
      op->erase();
      return true;
    }
    block->getOperations().insert(next, op);
    return false;
  }

  Option<std::string> test{*this, "test", cl::desc("script that gets a file and exits with 1 where it shows the fault")};
};

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::registerAllPasses();
  mpq::registerAllPasses();
  PassRegistration<BypassOps>();
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mpq::registerAllComponents(registry);
  cl::list<std::string> passes("load-pass-plugin", cl::value_desc("file.so"), cl::desc("Load passes from a plugin"));
  cl::list<std::string> dialects("load-dialect-plugin", cl::value_desc("file.so"),
                                 cl::desc("Load the dialects of a plugin"));
  if (llvm::Error error = mpq::PluginPaths::find(ArrayRef(argv, argc)).load(registry)) {
    llvm::WithColor::error(llvm::errs(), "quant-reduce") << llvm::toString(std::move(error)) << '\n';
    return 1;
  }
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  return failed(mlirReduceMain(argc, argv, context));
}
