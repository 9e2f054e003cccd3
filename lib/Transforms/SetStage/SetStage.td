//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SETSTAGE_TD
#define MPQ_TRANSFORMS_SETSTAGE_TD

include "mlir/Pass/PassBase.td"

def SetStagePass : Pass<"mpq-set-stage", "::mlir::ModuleOp"> {
  let summary = "Say which stage the module is of";
  let description = [{
    Sets `mpq.stage`, from which `quant-compile` knows where to go on. Every
    pipeline of a stage ends with it.

    ```mlir
    module attributes {mpq.stage = #mpq.stage<planned>}
    ```
  }];
  let options = [Option<"stage", "stage", "::mpq::Stage", "::mpq::Stage::Onnx", "the stage whose contract holds",
    "::mpq::getStageValues()">];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_SETSTAGE_TD
