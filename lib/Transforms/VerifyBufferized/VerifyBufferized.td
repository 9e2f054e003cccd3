//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYBUFFERIZED_TD
#define MPQ_TRANSFORMS_VERIFYBUFFERIZED_TD

include "mlir/Pass/PassBase.td"

def VerifyBufferizedPass : Pass<"mpq-verify-bufferized", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the bufferized stage";
  let description = [{
    C1 the module has the interface of the model (`mpq.interface`), and `@main`
    takes the two weight blobs, the arena, the inputs and the outputs, in this
    order; C2 no function works on tensors; C3 `@main` allocates nothing; C4 the
    slots lie inside the blobs and name packing functions; C5 `@main` and
    `@prepare` are entry points.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYBUFFERIZED_TD
