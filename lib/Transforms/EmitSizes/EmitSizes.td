//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_EMITSIZES_TD
#define MPQ_TRANSFORMS_EMITSIZES_TD

include "mlir/Pass/PassBase.td"

def EmitSizesPass : Pass<"mpq-emit-sizes", "::mlir::ModuleOp"> {
  let summary = "Emit the function that checks and computes sizes";
  let description = [{
    For a @main with symbols emits

    ```mlir
    func.func @sizes(%symbols: memref<1xi64>, %out: memref<4xi64>) attributes {mpq.entry = "mpq_sizes"}
    ```

    It gets the values of the symbols and writes

    | element | what |
    |---|---|
    | 0 | 0 if they fit; -1 if one is less than 1; -2 if a size exceeds the address space; n > 0 if requirement n - 1 (`mpq.requirements`) does not hold |
    | 1 | bytes of the arena |
    | 2, ... | all sizes of the results, one result after the other |

    The other elements mean nothing unless element 0 is 0.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect"];
}

#endif // MPQ_TRANSFORMS_EMITSIZES_TD
