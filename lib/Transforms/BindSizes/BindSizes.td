//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_BINDSIZES_TD
#define MPQ_TRANSFORMS_BINDSIZES_TD

include "mlir/Pass/PassBase.td"

def BindSizesPass : Pass<"mpq-bind-sizes", "::mlir::ModuleOp"> {
  let summary = "Let @main get the values of its symbols in an array";
  let description = [{
    A function with symbols (`mpq.symbols`) gets the new argument `sizes` after
    the two weight blobs: their values. Its dynamic arguments become pointers to
    one element, whose sizes are computed from the symbols (`mpq.sizes`).

    ```mlir
    func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %x: memref<1x?xf32> {mpq.sizes = affine_map<()[s0] -> (1, s0)>})
    ```
    becomes
    ```mlir
    func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %sizes: memref<1xi64>, %x: memref<1xf32>) {
      %0 = memref.load %sizes[%c0] : memref<1xi64>
      %t = arith.index_cast %0 : i64 to index
      %1 = memref.reinterpret_cast %x to offset: [0], sizes: [1, %t], strides: [%t, 1] : memref<1xf32> to memref<1x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::affine::AffineDialect"];
}

#endif // MPQ_TRANSFORMS_BINDSIZES_TD
