//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where a module is not all in the LLVM dialect or lacks
// what the library is made of.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Bytes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYLLVMPASS
#include "VerifyLLVM.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verifyModule(ModuleOp module) {
  auto main = module.lookupSymbol<LLVM::LLVMFuncOp>("main");
  if (!main)
    return module.emitError("module has no function @main");
  auto name = requireAttr<StringAttr>(main, "mpq.entry");
  if (!name || !requireAttr<InterfaceAttr>(module, kInterfaceAttr) || !requireAttr<TargetAttr>(module, kTargetAttr))
    return failure();
  // Variants for several CPUs have suffixes.
  bool hasEntry = llvm::any_of(module.getOps<LLVM::LLVMFuncOp>(), [&](LLVM::LLVMFuncOp function) {
    return function.getName().starts_with(name.getValue());
  });
  if (!hasEntry)
    return module.emitError("module has no function @") << name.getValue() << "; run mpq-entry-points";
  for (StringRef bytes : {"mpq.prepared_bytes", "mpq.arena_bytes"})
    if (!requireBytes(main, bytes))
      return failure();
  std::optional<int64_t> weights = requireBytes(main, "mpq.weights_bytes");
  if (weights.value_or(0) && !requireAttr<DenseResourceElementsAttr>(module, kWeightsAttr))
    return failure();
  return success(weights.has_value());
}

struct VerifyLLVMPass : mpq::impl::VerifyLLVMPassBase<VerifyLLVMPass> {
  using Base::Base;

  void runOnOperation() override {
    WalkResult result = getOperation().walk([](Operation *op) -> WalkResult {
      if (isa<ModuleOp>(op) || isa<LLVM::LLVMDialect>(op->getDialect()))
        return WalkResult::advance();
      return op->emitOpError("is not of the LLVM dialect; run mpq-llvm-pipeline");
    });
    if (result.wasInterrupted() || failed(verifyModule(getOperation())))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
