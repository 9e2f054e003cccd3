//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A language server for MLIR files of every stage: MLIR's, with MPQ's dialects
// and those of plugins. Editors start it; they find definitions and uses, show
// types and resources, and underline what the verifiers reject.
//
//===----------------------------------------------------------------------===//
#include "mpq/Support/Plugin.h"
#include "mpq/Support/Registration.h"

#include "mlir/IR/Dialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mpq::registerAllComponents(registry);
  cl::list<std::string> plugins("load-dialect-plugin", cl::value_desc("file.so"),
                                cl::desc("Load the dialects of a plugin"));
  if (llvm::Error error = mpq::PluginPaths::find(llvm::ArrayRef(argv, argc)).load(registry)) {
    llvm::WithColor::error(llvm::errs(), "quant-lsp-server") << llvm::toString(std::move(error)) << '\n';
    return 1;
  }
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
