//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_PIPELINE_GPU_H
#define MPQ_LIB_PIPELINE_GPU_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

namespace mpq {

/// Compiles a module in the `quantized` stage (or before it, without sites)
/// into the PTX file `output` and its companions, for the GPU called `mcpu`.
/// Diagnostics have been printed when it fails.
llvm::LogicalResult compileToPtx(mlir::ModuleOp module, llvm::StringRef mcpu, llvm::StringRef output);

} // namespace mpq

#endif // MPQ_LIB_PIPELINE_GPU_H
