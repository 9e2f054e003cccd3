//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_MAPRESOURCES_TD
#define MPQ_TRANSFORMS_MAPRESOURCES_TD

include "mlir/Pass/PassBase.td"

def MapResourcesPass : Pass<"mpq-map-resources", "::mlir::ModuleOp"> {
  let summary = "Map the file with the module's resources";
  let description = [{
    Where the module has `mpq.resources`, maps that file, checks it, and gives
    its `dense_resource`s their bytes. `quant-opt` begins with it.
  }];
  let options = [Option<"folder", "folder", "std::string", "\"\"", "where the IR was read from">];
}

#endif // MPQ_TRANSFORMS_MAPRESOURCES_TD
