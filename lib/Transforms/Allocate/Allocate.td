//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_ALLOCATE_TD
#define MPQ_TRANSFORMS_ALLOCATE_TD

include "mlir/Pass/PassBase.td"

def AllocatePass : Pass<"mpq-allocate", "::mlir::ModuleOp"> {
  let summary = "Choose a format for every site within a budget";
  let description = [{
    Minimises the sum of the errors of the chosen candidates such that their
    bytes (codes, scales, zero points) keep the budget, which is never exceeded:
    `avg-bits` per weight of the sites on average, `max-bytes` together. With
    both, the smaller holds. Ties decide together.

    `max-ns` bounds the predicted time of one sample (`mpq-predict-cost`),
    beside a limit of bytes or alone. Without it, where candidates differ in their activations, the allocation is
    the fastest one whose error is at most `1 + error-slack` times the least.

    ```mlir
    mpq.site %w "conv1.weight" axis 0 candidates [...]
    ```
    becomes
    ```mlir
    mpq.site %w "conv1.weight" axis 0 choice 2 candidates [...]
    ```
  }];
  let options = [
    Option<"averageBits", "avg-bits", "double", "-1", "stored bits per weight, over all sites">,
    Option<"maxBytes", "max-bytes", "int64_t", "-1", "stored bytes of all sites together">,
    Option<"maxNanoseconds", "max-ns", "int64_t", "-1", "predicted time of one sample, all sites together">,
    Option<"errorSlack", "error-slack", "double", "0.1", "error given up for faster activations, relative to the least">,
    Option<"allocator", "allocator", "std::string", "\"pareto\"", "a registered Allocator: pareto, brute-force">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_ALLOCATE_TD
