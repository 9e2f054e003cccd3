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
/// tensors afterwards, and what is required of the sizes. An op that no family
/// implements is an error. A type that is there already is kept where the
/// inferred one knows less. With `keepSizes` the types say their sizes until
/// `eraseSizes`.
llvm::LogicalResult inferShapes(mlir::func::FuncOp function, ValueTable &values,
                                bool keepSizes = false);

/// Writes what the later stages must know of the symbols onto a function whose
/// types say their sizes: kSymbolsAttr, kSizesAttr and kRequirementsAttr.
/// Requirements that are there already are kept.
void recordSizes(mlir::func::FuncOp function, const ValueTable &values);

/// Replaces tensors of integers that are known, or expressions of sizes, by
/// constants that say so, which lowerings can read: shape arithmetic is then
/// dead.
void replaceSizes(mlir::func::FuncOp function, const ValueTable &values);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_INFERENCE_H
