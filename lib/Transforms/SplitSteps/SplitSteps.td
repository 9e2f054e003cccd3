//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SPLITSTEPS_TD
#define MPQ_TRANSFORMS_SPLITSTEPS_TD

include "mlir/Pass/PassBase.td"

def SplitStepsPass : Pass<"mpq-split-steps", "::mlir::ModuleOp"> {
  let summary = "Split @main into steps that start at the uses of weights";
  let description = [{
    For the executor: step i of the program becomes a function `@step_<i>` with
    the arguments of `@main`. A step ends before the first op that uses another
    weight slot, so running steps i.. again after a weight of step i changed
    gives the new result: everything that crosses from step to step lies in the
    arena. `mpq.step_slots` on each step names the slots it reads.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif // MPQ_TRANSFORMS_SPLITSTEPS_TD
