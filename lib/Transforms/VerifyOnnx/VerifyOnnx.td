//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYONNX_TD
#define MPQ_TRANSFORMS_VERIFYONNX_TD

include "mlir/Pass/PassBase.td"

def VerifyOnnxPass : Pass<"mpq-verify-onnx", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the onnx stage";
  let description = [{
    C1 `@main` is one block of ops of the `onnx` dialect; C2 every value is a
    ranked tensor, or none for an optional operand that is absent.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYONNX_TD
