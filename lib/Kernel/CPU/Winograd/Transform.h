//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The three transforms of F(4 x 4, 3 x 3), of vectors (one channel a lane) or
// scalars.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_WINOGRAD_TRANSFORM_H
#define MPQ_LIB_KERNEL_CPU_WINOGRAD_TRANSFORM_H

#include "Plan.h"

namespace mpq::winograd {

/// B^T d B of a window; `load(i, j)` gives d[i][j] and is asked more than once,
/// `store(i, j, v)` takes the 36 results. The window does not fit the registers
/// beside its transform, so it is read once for each group of rows of B^T.
void emitInputTransform(
    KernelBuilder &k, llvm::function_ref<mlir::Value(int64_t, int64_t)> load,
    llvm::function_ref<void(int64_t, int64_t, mlir::Value)> store);

/// A^T m A: 4 x 4 results, row by row.
llvm::SmallVector<mlir::Value>
emitOutputTransform(KernelBuilder &k,
                    llvm::function_ref<mlir::Value(int64_t, int64_t)> load);

/// G w G^T of the 3 x 3 scalars `w` (f32, row by row), computed in f64: 36
/// scalars of f32.
llvm::SmallVector<mlir::Value>
emitWeightTransform(KernelBuilder &k, llvm::ArrayRef<mlir::Value> w);

} // namespace mpq::winograd

#endif // MPQ_LIB_KERNEL_CPU_WINOGRAD_TRANSFORM_H
