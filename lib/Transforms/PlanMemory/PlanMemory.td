//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_PLANMEMORY_TD
#define MPQ_TRANSFORMS_PLANMEMORY_TD

include "mlir/Pass/PassBase.td"

def PlanMemoryPass : Pass<"mpq-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Place all buffers of @main in one arena";
  let description = [{
    Every `memref.alloc` of `@main` becomes a view into the new argument
    `arena` (after the two weight blobs). Buffers whose lifetimes do not
    overlap share bytes. Offsets are chosen largest buffer first, each at the
    lowest place that is free during its whole life. While the arena takes no more
    than `separate-bytes`, only buffers of the same type share bytes, and none that
    leave the first-level cache, if that fits, too: threads that share the
    operations own the same part of each of them, and little goes from one cache to
    another when one takes the place of the other.

    A buffer whose size is a function of the symbols (`mpq-bind-sizes`) shares a
    slot with others that never live at the same time; the offsets of slots are
    computed from the symbols. The function says how large the arena is:
    `mpq.arena_bytes` for the static part and `mpq.arena_slots` for the rest, a
    map from the symbols for each slot, which is as large as its largest result.

    ```mlir
    %0 = memref.alloc() {alignment = 64 : i64} : memref<1x1x34x34x16xf32>
    ```
    becomes
    ```mlir
    %0 = memref.view %arena[%c4096][] : memref<...xi8> to memref<1x1x34x34x16xf32>
    ```
  }];
  let options = [
    Option<"separateBytes", "separate-bytes", "int64_t", "1024 * 1024", "the largest arena in which buffers of different types, or large ones, share no bytes">,
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
    "::mlir::affine::AffineDialect"];
}

#endif // MPQ_TRANSFORMS_PLANMEMORY_TD
