//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_RECORDINTERFACE_TD
#define MPQ_TRANSFORMS_RECORDINTERFACE_TD

include "mlir/Pass/PassBase.td"

def RecordInterfacePass : Pass<"mpq-record-interface", "::mlir::ModuleOp"> {
  let summary = "Keep the model's interface in an attribute of the module";
  let description = [{
    Bufferization turns results into arguments, and later stages turn all of
    them into pointers. What users of the library have to know is therefore
    written down while `@main` still says it.

    ```mlir
    func.func @main(%x: tensor<1x1x8x8xf32> {onnx.name = "image"}) -> (tensor<1x10xf32> {onnx.name = "logits"})
        attributes {mpq.sample_parallel}
    ```
    gives the module
    ```mlir
    mpq.interface = #mpq.interface<("image" : tensor<?x1x8x8xf32>) -> ("logits" : tensor<?x10xf32>), sample_parallel>
    ```
    Where `@main` has symbols (`mpq.symbols`), `mpq.dims` names the dimensions of
    the inputs, then those of the outputs, a list for each: `[["N", "T"], ["N", "T", ""]]`.
  }];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_RECORDINTERFACE_TD
