//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_PLACEWEIGHTS_TD
#define MPQ_TRANSFORMS_PLACEWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def PlaceWeightsPass : Pass<"mpq-place-weights", "::mlir::ModuleOp"> {
  let summary = "Give packed weights their place in the weight blobs";
  let description = [{
    Every `mpq.pack` becomes an `mpq.slot` and a view into one of the two new
    leading arguments of the function: `weights` (float weights, packed while
    compiling, and the payloads of stored ones) or `prepared` (stored weights,
    packed at load). `@prepare` does the packing at load. Both functions get the
    name in `mpq.entry` that the library calls them by.

    ```mlir
    %p = mpq.pack %w "conv1.weight" with @pack_0 : !mpq.tensor<...> -> tensor<2304xi8>
    ```
    becomes
    ```mlir
    mpq.slot "conv1.weight" prepared at 0 size 2304 packed by @pack_0 from dense_resource<...> at 0
    %v = memref.view %prepared[%c0][] : memref<...xi8> to memref<2304xi8>
    %p = bufferization.to_tensor %v restrict
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect", "::mlir::func::FuncDialect"];
}

#endif // MPQ_TRANSFORMS_PLACEWEIGHTS_TD
