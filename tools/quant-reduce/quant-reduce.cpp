//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Makes a file on which something fails smaller, for as long as it still fails:
// MLIR's reducer with all dialects and passes of MPQ.
//
//   quant-reduce model.mlir --reduction-tree='traversal-mode=0 test=fails.sh'
//
// The script gets a file and exits with 1 where that still shows the fault, with
// 0 otherwise, and where quant-opt does not take the file. The
// reducer removes ops; in functions of the `onnx` and `mpq` dialects, whose ops
// need each other, it replaces results by operands of the same type.
//
//===----------------------------------------------------------------------===//
#include "dialects/MPQ/MPQ.h"
#include "dialects/ONNX/ONNX.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Support/Plugin.h"
#include "mpq/Support/Registration.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Reducer/ReductionPatternInterface.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {

/// An op of one result becomes its first operand of that type.
struct BypassOp final : RewritePattern {
  BypassOp(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !isa_and_nonnull<mpq::onnx::ONNXDialect, mpq::MPQDialect>(op->getDialect()))
      return rewriter.notifyMatchFailure(op, "not an op of onnx or mpq with one result");
    for (Value operand : op->getOperands())
      if (operand.getType() == op->getResult(0).getType()) {
        rewriter.replaceOp(op, operand);
        return success();
      }
    return rewriter.notifyMatchFailure(op, "no operand has the type of the result");
  }
};

struct ReductionPatterns final : DialectReductionPatternInterface {
  explicit ReductionPatterns(Dialect *dialect) : DialectReductionPatternInterface(dialect) {}
  void populateReductionPatterns(RewritePatternSet &patterns) const override {
    patterns.add<BypassOp>(patterns.getContext());
  }
};

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::registerAllPasses();
  mpq::registerAllPasses();
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mpq::registerAllComponents(registry);
  registry.addExtension(+[](MLIRContext *, mpq::onnx::ONNXDialect *dialect) { dialect->addInterfaces<ReductionPatterns>(); });
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
