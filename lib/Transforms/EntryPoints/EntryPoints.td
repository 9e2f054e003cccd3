//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_ENTRYPOINTS_TD
#define MPQ_TRANSFORMS_ENTRYPOINTS_TD

include "mlir/Pass/PassBase.td"

def EntryPointsPass : Pass<"mpq-entry-points", "::mlir::ModuleOp"> {
  let summary = "Emit the functions that the runtime calls";
  let description = [{
    For every function with the attribute `mpq.entry = "name"`, whose arguments
    are all pointers, emits `void name<suffix>(void **args)` that unpacks the
    array and calls it. All other functions become private.
  }];
  let options = [Option<"suffix", "suffix", "std::string", "\"\"",
    "appended to the names, so that variants for several CPUs link together">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // MPQ_TRANSFORMS_ENTRYPOINTS_TD
