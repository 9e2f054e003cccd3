//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs passes on MLIR, like mlir-opt, with all of MPQ and of upstream MLIR. An
// input file that ends in .onnx is imported, so
//
//   quant-opt model.onnx --mpq-onnx-infer-shapes
//
// works. Passes and dialects can be loaded: --load-pass-plugin=p.so.
//
//===----------------------------------------------------------------------===//
#include "mpq/Frontend/ONNX.h"
#include "mpq/Pipeline/Pipelines.h"
#include "mpq/Support/Registration.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

/// The model as bytecode, which the usual driver then reads. Not as text: that
/// would double the size of the weights, and lose the locations' names.
static std::unique_ptr<llvm::MemoryBuffer>
importToBytecode(StringRef path, const DialectRegistry &registry) {
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = mpq::importOnnx(path, &context);
  if (!module)
    return nullptr;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (failed(writeBytecodeToFile(*module, os)))
    return nullptr;
  // Bytecode holds resources of up to this alignment, relative to its start.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytes.size(), path, llvm::Align(64));
  llvm::copy(bytes, buffer->getBufferStart());
  return buffer;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::registerAllPasses();
  mpq::registerAllPasses();
  mpq::registerPipelines();
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  mpq::registerAllComponents(registry);

  auto [inputFile, outputFile] = registerAndParseCLIOptions(
      argc, argv, "MPQ optimizer driver (MLIR or .onnx in, MLIR out)",
      registry);
  if (!StringRef(inputFile).ends_with(".onnx"))
    return asMainReturnCode(
        MlirOptMain(argc, argv, inputFile, outputFile, registry));

  std::string error;
  std::unique_ptr<llvm::ToolOutputFile> output =
      openOutputFile(outputFile, &error);
  if (!output) {
    llvm::errs() << error << "\n";
    return 1;
  }
  std::unique_ptr<llvm::MemoryBuffer> bytecode =
      importToBytecode(inputFile, registry);
  if (!bytecode ||
      failed(MlirOptMain(output->os(), std::move(bytecode), registry,
                         MlirOptMainConfig::createFromCLOptions())))
    return 1;
  output->keep();
  return 0;
}
