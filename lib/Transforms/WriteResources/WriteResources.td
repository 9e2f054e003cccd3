//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_WRITERESOURCES_TD
#define MPQ_TRANSFORMS_WRITERESOURCES_TD

include "mlir/Pass/PassBase.td"

def WriteResourcesPass : Pass<"mpq-write-resources", "::mlir::ModuleOp"> {
  let summary = "Write the module's resources to a file";
  let description = [{
    Writes the bytes of all `dense_resource`s to a file and names it in
    `mpq.resources`; the IR is then to be printed without them.
    `quant-opt --emit-weights=beside` ends with it.
  }];
  let options = [Option<"file", "file", "std::string", "\"\"", "the file to write">];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_WRITERESOURCES_TD
