//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_DISTINCTRESULTS_TD
#define MPQ_TRANSFORMS_DISTINCTRESULTS_TD

include "mlir/Pass/PassBase.td"

def DistinctResultsPass : Pass<"mpq-distinct-results", "::mlir::ModuleOp"> {
  let summary = "Give every result a buffer of its own";
  let description = [{
    A value that is returned twice is copied for its second time: bufferization
    makes an output argument of each result, and writes it where the value is
    made.

    ```mlir
    return %y, %y : tensor<1x4xf32>, tensor<1x4xf32>
    ```
    becomes
    ```mlir
    %z = bufferization.alloc_tensor() copy(%y) : tensor<1x4xf32>
    return %y, %z : tensor<1x4xf32>, tensor<1x4xf32>
    ```

    So is every use of a `tensor.empty` its own: a buffer lives as long as one
    result does, and `mpq-plan-memory` says which of them share bytes.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::tensor::TensorDialect"];
}

#endif // MPQ_TRANSFORMS_DISTINCTRESULTS_TD
