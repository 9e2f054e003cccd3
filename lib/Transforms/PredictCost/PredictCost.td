//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_PREDICTCOST_TD
#define MPQ_TRANSFORMS_PREDICTCOST_TD

include "mlir/Pass/PassBase.td"

def PredictCostPass : Pass<"mpq-predict-cost", "::mlir::ModuleOp"> {
  let summary = "Predict the time of every candidate of every site";
  let description = [{
    Fills in `ns` of the candidates of all sites: what the ops that read the
    site take for one sample on one core, by the rates of a cost table
    (mpq/Analysis/Cost.h), in the kernels that take them for this CPU.

    ```mlir
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 280>
    ```
    becomes
    ```mlir
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 280, ns = 1930>
    ```
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"native\"", "the CPU whose table is used; native: this machine's">,
    Option<"table", "table", "std::string", "\"\"", "a cost table of your own (.json)">,
    Option<"dynamicSize", "dynamic-size", "int64_t", "32", "what dimensions count that are known at run time only">,
    Option<"activations", "activations", "::mpq::Activations", "::mpq::Activations::F32",
      "activations of sites and candidates that do not say theirs", [{ ::mpq::getActivationsValues() }]>
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_PREDICTCOST_TD
