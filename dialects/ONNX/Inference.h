//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_INFERENCE_H
#define MPQ_DIALECTS_ONNX_INFERENCE_H

#include "dialects/ONNX/ONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mpq::onnx {

/// Infers the types of all `onnx` ops of a function of one block, in order, and
/// then the function's result types. `values` holds what is known about small
/// tensors afterwards. An op that no family implements is an error. A type
/// that is there already is kept where the inferred one knows less.
llvm::LogicalResult inferShapes(mlir::func::FuncOp function,
                                ValueTable &values);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_INFERENCE_H
