//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where something is left that is not code, or where the
// weights that the code reads are not there.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Bytes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYKERNELIZEDPASS
#include "VerifyKernelized.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verifyWeights(ModuleOp module, func::FuncOp main) {
  std::optional<int64_t> expected = requireBytes(main, "mpq.weights_bytes");
  if (!expected)
    return failure();
  int64_t bytes = 0;
  if (module->hasAttr(kWeightsAttr)) {
    auto weights = requireAttr<DenseResourceElementsAttr>(module, kWeightsAttr);
    if (!weights)
      return failure();
    bytes = weights.getType().getNumElements();
  }
  if (bytes == *expected)
    return success();
  return main.emitOpError("reads ") << *expected << " bytes of weights when the module has " << bytes;
}

LogicalResult verifyModule(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return module.emitError("module has no function @main");
  for (StringRef name : {"mpq.prepared_bytes", "mpq.arena_bytes"})
    if (!requireBytes(main, name))
      return failure();
  return success(requireAttr<InterfaceAttr>(module, kInterfaceAttr) && requireAttr<TargetAttr>(module, kTargetAttr) &&
                 requireAttr<StringAttr>(main, "mpq.entry") && succeeded(verifyWeights(module, main)));
}

struct VerifyKernelizedPass : mpq::impl::VerifyKernelizedPassBase<VerifyKernelizedPass> {
  using Base::Base;

  void runOnOperation() override {
    WalkResult result = getOperation().walk([](Operation *op) -> WalkResult {
      if (!isa<MPQDialect>(op->getDialect()))
        return WalkResult::advance();
      return op->emitOpError("has not become code; run mpq-kernel-pipeline");
    });
    if (result.wasInterrupted() || failed(verifyModule(getOperation())))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
