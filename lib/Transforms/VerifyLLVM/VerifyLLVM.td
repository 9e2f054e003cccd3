//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYLLVM_TD
#define MPQ_TRANSFORMS_VERIFYLLVM_TD

include "mlir/Pass/PassBase.td"

def VerifyLLVMPass : Pass<"mpq-verify-llvm", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the llvm stage";
  let description = [{
    C1 every op is of the LLVM dialect; C2 the functions that the library calls
    are there; C3 so are interface, target and weights.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYLLVM_TD
