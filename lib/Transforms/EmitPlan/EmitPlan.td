//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_EMITPLAN_TD
#define MPQ_TRANSFORMS_EMITPLAN_TD

include "mlir/Pass/PassBase.td"

def EmitPlanPass : Pass<"mpq-emit-plan", "::mlir::ModuleOp"> {
  let summary = "Write the choices of all sites as a plan file";
  let description = [{
    One line per site, as mpq-apply-plan reads it, with the bytes of the choice
    and what was measured for every candidate beside it. `activations` is what
    the plan says for sites that do not say it themselves.
  }];
  let options = [
    Option<"file", "file", "std::string", "\"\"", "where to write; - is the standard output">,
    Option<"activations", "activations", "::mpq::Activations", "::mpq::Activations::F32",
      "what sites say about activations that have no mpq.activations", [{ ::mpq::getActivationsValues() }]>
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_EMITPLAN_TD
