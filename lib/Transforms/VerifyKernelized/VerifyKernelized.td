//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYKERNELIZED_TD
#define MPQ_TRANSFORMS_VERIFYKERNELIZED_TD

include "mlir/Pass/PassBase.td"

def VerifyKernelizedPass : Pass<"mpq-verify-kernelized", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the kernelized stage";
  let description = [{
    C1 no op of the `mpq` dialect is left; C2 the packed weights are there
    (`mpq.weights`), as many bytes as `@main` says; C3 the interface is kept and
    `@main` is an entry point.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYKERNELIZED_TD
