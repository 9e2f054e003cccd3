//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A model for the sizes of a data set.
//
// A data set has arrays of one size each, so what runs on one inside the
// compiler is compiled for exactly these sizes: by the same lowering, into
// kernels with constant bounds, and everybody who looks at results finds their
// shapes in the types.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_EXECUTION_SPECIALIZE_H
#define MPQ_EXECUTION_SPECIALIZE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace mpq {

/// A copy of `module`, of a stage up to `planned`, whose @main is for samples
/// of the sizes that the arrays of `path` (.npz) have; they are matched with
/// the arguments by name. Errors name the file, the array and what does not fit:
/// another rank, sizes that contradict each other or a requirement of the model.
/// A module without symbols is copied as it is, and the file is not read.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
specializeSizes(mlir::ModuleOp module, llvm::StringRef path);

} // namespace mpq

#endif // MPQ_EXECUTION_SPECIALIZE_H
