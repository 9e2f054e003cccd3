//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_ONNX_H
#define MPQ_FRONTEND_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mpq {

/// Reads the ONNX model in file `path` as a module with one function `@main`
/// on the `onnx` dialect, or reports one error, at a location that names the
/// file and the node, and returns null.
///
/// Ops are those of the newest opset of the standard; older opsets, from 7 on,
/// are upgraded. Arguments and results carry `onnx.name` and, where the model
/// declares a shape, `onnx.shape` (array<i64>, -1 for a dynamic dimension) and
/// `onnx.dims` (the names of dimensions, if any has one).
/// Every op has a NameLoc with the node's name. Types are those that the model
/// declares for its inputs; results are unranked until mpq-onnx-infer-shapes.
///
/// Weights are `dense_resource`s that point into the mapped file (or into the
/// mapped external data file) where they are aligned; the mapping lives as long
/// as the context. The file must not change meanwhile.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             mlir::MLIRContext *context);

} // namespace mpq

#endif // MPQ_FRONTEND_ONNX_H
