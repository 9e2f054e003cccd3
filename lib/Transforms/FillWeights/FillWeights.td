//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_FILLWEIGHTS_TD
#define MPQ_TRANSFORMS_FILLWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def FillWeightsPass : Pass<"mpq-fill-weights", "::mlir::ModuleOp"> {
  let summary = "Pack the weights into the blob that the library will hold";
  let description = [{
    Runs, on this machine, the packing functions of float weights, copies the
    payloads of stored ones, and keeps the bytes as the resource
    `mpq.weights` of the module. The slots, and the packing functions that only
    they named, are gone then: what remains is code.

    ```mlir
    mpq.slot "conv1.weight" at 0 size 2304 packed by @pack_0 from dense_resource<conv1.weight> : tensor<16x3x3x3xf32>
    ```
    becomes part of
    ```mlir
    module attributes {mpq.weights = dense_resource<weights> : tensor<4608xi8>}
    ```
    A module without weights gets none.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // MPQ_TRANSFORMS_FILLWEIGHTS_TD
