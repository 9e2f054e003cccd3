//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SETTARGET_TD
#define MPQ_TRANSFORMS_SETTARGET_TD

include "mlir/Pass/PassBase.td"

def SetTargetPass : Pass<"mpq-set-target", "::mlir::ModuleOp"> {
  let summary = "Say which CPU the module is lowered for";
  let description = [{
    Sets `mpq.target`, and what kernels may know of it: `mpq.vector_bits` and
    `mpq.features`. Lowering, kernels and code generation then agree.

    ```mlir
    module attributes {mpq.target = #mpq.target<"skylake", "+avx,+avx2,...">, mpq.vector_bits = 256 : i64, ...}
    ```
  }];
  let options = [Option<"mcpu", "mcpu", "std::string", "\"native\"",
    "a CPU that LLVM knows, or native: this machine">];
}

#endif // MPQ_TRANSFORMS_SETTARGET_TD
