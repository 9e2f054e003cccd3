//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_JOINFORKS_TD
#define MPQ_TRANSFORMS_JOINFORKS_TD

include "mlir/Pass/PassBase.td"

def JoinForksPass : Pass<"mpq-join-forks", "::mlir::ModuleOp"> {
  let summary = "Let calls of split kernels that do not depend on each other share a fork";
  let description = [{
    A call of a split kernel that touches nothing that the calls before it write,
    and writes nothing that they touch, need not wait for them: each thread does
    its part of all of them, one after the other (`mpq-emit-forks`). Such calls
    follow each other, with nothing between them that touches memory.

    ```mlir
    call @conv_0(%x, %w, %y, %c0, %c1) {mpq.parts = 8 : i64} : (...) -> ()
    call @slice_0(%x, %z, %c0, %c1) {mpq.parts = 4 : i64} : (...) -> ()
    ```
    becomes
    ```mlir
    call @conv_0(%x, %w, %y, %c0, %c1) {mpq.parts = 8 : i64} : (...) -> ()
    call @slice_0(%x, %z, %c0, %c1) {mpq.joins, mpq.parts = 4 : i64} : (...) -> ()
    ```
  }];
}

#endif // MPQ_TRANSFORMS_JOINFORKS_TD
