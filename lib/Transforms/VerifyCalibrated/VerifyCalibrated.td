//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_VERIFYCALIBRATED_TD
#define MPQ_TRANSFORMS_VERIFYCALIBRATED_TD

include "mlir/Pass/PassBase.td"

def VerifyCalibratedPass : Pass<"mpq-verify-calibrated", "::mlir::ModuleOp"> {
  let summary = "Check the contract of the calibrated stage";
  let description = [{
    Every f32 tensor that depends on the arguments has a range: results in
    `mpq.range` (or `mpq.ranges`) of their op, arguments in `mpq.arg_ranges`.
    On a function with `mpq.no_ranges` nothing has one.
  }];
}

#endif // MPQ_TRANSFORMS_VERIFYCALIBRATED_TD
