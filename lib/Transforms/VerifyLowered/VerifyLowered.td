//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYLOWERED_TD
#define MPQ_TRANSFORMS_VERIFYLOWERED_TD

include "mlir/Pass/PassBase.td"

def VerifyLoweredPass : Pass<"mpq-verify-lowered", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the lowered stage";
  let description = [{
    C1 the module says for which target it is (`mpq.target`); C2 no op of the
    earlier stages is left; C3 every tensor has a static shape; C4 every compute
    op names a kernel family that there is, and reads a packed weight; C5 every
    `mpq.pack` packs a constant with a function of the module.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYLOWERED_TD
