//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One path to machine code: the object file that a library would contain is
// what this process runs, too.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Jit.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

namespace mpq {
#define GEN_PASS_DECL_COPYBYLOOPSPASS
#include "lib/Transforms/CopyByLoops/CopyByLoops.h.inc"
#define GEN_PASS_DECL_USEBAREPOINTERSPASS
#include "lib/Transforms/UseBarePointers/UseBarePointers.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

void mpq::buildKernelizedToLLVMPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createCopyByLoopsPass());
  // What no kernel family took: plain loops over buffers.
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(memref::createExpandOpsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  // Math without a vector form in LLVM goes to libm, one lane at a time; that
  // takes vectors apart, so vectors are lowered afterwards.
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(arith::createArithExpandOpsPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addNestedPass<func::FuncOp>(createUseBarePointersPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

llvm::Error mpq::compileToObject(ModuleOp module, const TargetSpec &target,
                                 SmallVectorImpl<char> &object, OptLevel level) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError("the module has ops without a translation to LLVM IR");
  return emitObject(*llvmModule, target, object, level);
}

Jit::Jit() = default;
Jit::~Jit() = default;

llvm::Expected<std::unique_ptr<Jit>> Jit::load(ArrayRef<char> object) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto engine = llvm::orc::LLJITBuilder().create();
  if (!engine)
    return engine.takeError();
  std::unique_ptr<Jit> jit(new Jit());
  jit->engine = std::move(*engine);
  auto symbols = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit->engine->getDataLayout().getGlobalPrefix());
  if (!symbols)
    return symbols.takeError();
  jit->engine->getMainJITDylib().addGenerator(std::move(*symbols));
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(
      StringRef(object.data(), object.size()), "mpq-jit");
  if (llvm::Error error = jit->engine->addObjectFile(std::move(buffer)))
    return std::move(error);
  return jit;
}

llvm::Expected<void *> Jit::lookup(StringRef symbol) {
  auto address = engine->lookup(symbol);
  if (!address)
    return address.takeError();
  return address->toPtr<void *>();
}
