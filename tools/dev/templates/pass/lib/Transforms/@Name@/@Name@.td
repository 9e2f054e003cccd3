//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_@NAME@_TD
#define MPQ_TRANSFORMS_@NAME@_TD

include "mlir/Pass/PassBase.td"

def @Name@Pass : Pass<"mpq-@name@", "::mlir::ModuleOp"> {
  let summary = "Count the weights whose formats are to be decided";
  let description = [{
    Says in a remark how many sites there are, and how many weights they have.
    What the pass does, to which stage, and the IR before and after belong here:

    ```mlir
    %s = mpq.site %w "conv1.weight" axis 0 candidates [] : tensor<16x3x3x3xf32>
    ```
    gives the remark `1 sites of at least 0 weights, 432 weights in all`.
  }];
  let options = [
    Option<"minWeights", "min-weights", "int64_t", "0", "count only sites of at least so many weights">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_@NAME@_TD
