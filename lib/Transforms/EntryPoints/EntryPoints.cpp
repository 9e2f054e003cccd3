//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The functions that the runtime calls:
//
//   llvm.func @main(%a: !llvm.ptr, %b: !llvm.ptr)
//       attributes {mpq.entry = "mpq_run"}
//     =>  llvm.func @mpq_run(%args: !llvm.ptr) { main(args[0], args[1]) }
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_ENTRYPOINTSPASS
#define GEN_PASS_DEF_ENTRYPOINTSPASS
#include "EntryPoints.h.inc"
} // namespace mpq

using namespace mlir;

namespace {

void emitEntryPoint(LLVM::LLVMFuncOp function, const Twine &name) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfter(function);
  Location loc = function.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, name.str(), type);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Value address = LLVM::GEPOp::create(
        builder, loc, pointer, pointer, block->getArgument(0),
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    arguments.push_back(LLVM::LoadOp::create(builder, loc, pointer, address));
  }
  LLVM::CallOp::create(builder, loc, function, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

/// Names and shapes of the model's interface mean nothing to LLVM.
void dropModelAttributes(LLVM::LLVMFuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    for (NamedAttribute attr : llvm::to_vector(function_interface_impl::getArgAttrs(function, i)))
      if (attr.getName().strref().starts_with("onnx.") || attr.getName().strref().starts_with("mpq."))
        function.removeArgAttr(i, attr.getName());
}

struct EntryPointsPass : mpq::impl::EntryPointsPassBase<EntryPointsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<LLVM::LLVMFuncOp> functions(
        getOperation().getOps<LLVM::LLVMFuncOp>());
    for (LLVM::LLVMFuncOp function : functions) {
      dropModelAttributes(function);
      if (!function.isExternal())
        function.setLinkage(LLVM::Linkage::Internal);
      auto name = function->getAttrOfType<StringAttr>("mpq.entry");
      if (!name)
        continue;
      if (!llvm::all_of(function.getArgumentTypes(),
                        llvm::IsaPred<LLVM::LLVMPointerType>)) {
        function.emitError("entry point has an argument that is not a pointer");
        return signalPassFailure();
      }
      emitEntryPoint(function, name.getValue() + suffix);
    }
  }
};

} // namespace
