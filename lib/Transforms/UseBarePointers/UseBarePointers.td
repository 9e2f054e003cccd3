//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_USEBAREPOINTERS_TD
#define MPQ_TRANSFORMS_USEBAREPOINTERS_TD

include "mlir/Pass/PassBase.td"

def UseBarePointersPass : Pass<"mpq-use-bare-pointers", "::mlir::func::FuncOp"> {
  let summary = "Pass buffers of static shape as pointers";
  let description = [{
    A function whose buffers all have static shapes takes each of them as a
    pointer (`llvm.bareptr`). A buffer whose shape is known at run time only
    brings its sizes along, as MLIR's descriptor: functions that have such
    arguments, all of them internal, keep that convention.
  }];
}

#endif // MPQ_TRANSFORMS_USEBAREPOINTERS_TD
