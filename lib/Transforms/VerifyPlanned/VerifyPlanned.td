//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYPLANNED_TD
#define MPQ_TRANSFORMS_VERIFYPLANNED_TD

include "mlir/Pass/PassBase.td"

def VerifyPlannedPass : Pass<"mpq-verify-planned", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the planned stage";
  let description = [{
    C1 every quantizable weight has a site; C2 the names of sites are unique; C3
    a site has a constant behind it and candidates of different formats; C4 tied
    sites have the same formats and the same choice; C5 `mpq.activations` is
    f32 or int8.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYPLANNED_TD
