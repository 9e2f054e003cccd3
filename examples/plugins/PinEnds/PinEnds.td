//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PINENDS_TD
#define PINENDS_TD

include "mlir/Pass/PassBase.td"

def PinEndsPass : Pass<"mpq-pin-ends", "::mlir::ModuleOp"> {
  let summary = "Leave the first and the last site only their formats of many bits";
  let description = [{
    The layers at the ends of a model often lose the most. This pass takes from
    their sites the candidates of fewer than `min-bits` bits; run it between
    `mpq-sites` and `mpq-allocate`.

    With `min-bits=8`,
    ```mlir
    %s = mpq.site %w "conv1.weight" axis 0 candidates [
      #mpq.candidate<#mpq.int<4>, bytes = 280>, #mpq.candidate<#mpq.int<8>, bytes = 496>] : tensor<16x3x3x3xf32>
    ```
    becomes
    ```mlir
    %s = mpq.site %w "conv1.weight" axis 0 candidates [
      #mpq.candidate<#mpq.int<8>, bytes = 496>] : tensor<16x3x3x3xf32>
    ```
  }];
  let options = [
    Option<"minBits", "min-bits", "unsigned", "8", "bits of a code that the first and the last site keep">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // PINENDS_TD
