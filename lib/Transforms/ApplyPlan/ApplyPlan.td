//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_APPLYPLAN_TD
#define MPQ_TRANSFORMS_APPLYPLAN_TD

include "mlir/Pass/PassBase.td"

def ApplyPlanPass : Pass<"mpq-apply-plan", "::mlir::ModuleOp"> {
  let summary = "Take the choice of every site from a plan file";
  let description = [{
    Sets the choice of every site to what the plan says, and adds formats that a
    site does not have as a candidate yet. Inserts the sites first if there are
    none. The plan has a line for every site; a line that does not fit the model
    is an error at that line. What the plan says about activations becomes
    `mpq.activations` of the site; integers of other than 8 bits (`int4`), which
    all sites that have any agree on, become `mpq.activation_bits` of the module.

    ```
    conv1.weight | - | 432 | int4 | f32
    ```
    makes
    ```mlir
    mpq.site %w "conv1.weight" axis 0 choice 2 candidates [...] {mpq.activations = "f32"}
    ```
  }];
  let options = [
    Option<"file", "file", "std::string", "\"\"", "the plan">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_APPLYPLAN_TD
