//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYQUANTIZED_TD
#define MPQ_TRANSFORMS_VERIFYQUANTIZED_TD

include "mlir/Pass/PassBase.td"

def VerifyQuantizedPass : Pass<"mpq-verify-quantized", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the quantized stage";
  let description = [{
    C1 no site with a choice is left; C2 stored weights are read by ops of MPQ
    only; C3 `quant.dcast` follows `quant.qcast`, and both use u8 codes.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYQUANTIZED_TD
