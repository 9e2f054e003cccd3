//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_COPYBYLOOPS_TD
#define MPQ_TRANSFORMS_COPYBYLOOPS_TD

include "mlir/Pass/PassBase.td"

def CopyByLoopsPass : Pass<"mpq-copy-by-loops", "::mlir::func::FuncOp"> {
  let summary = "Copy parts of buffers element by element";
  let description = [{
    A copy from or to a part of a buffer becomes `linalg.copy`, and with that
    loops; left alone, it would become a call of a library of MLIR's, which
    compiled models do not have. Whole buffers are still copied by `memcpy`.

    ```mlir
    memref.copy %part, %all : memref<4x2xf32, strided<[8, 1]>> to memref<4x2xf32>
    ```
    becomes
    ```mlir
    linalg.copy ins(%part : memref<4x2xf32, strided<[8, 1]>>) outs(%all : memref<4x2xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

#endif // MPQ_TRANSFORMS_COPYBYLOOPS_TD
