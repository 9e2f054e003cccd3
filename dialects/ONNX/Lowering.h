//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Pieces that lowerings to linalg are made of. All types are static.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_LOWERING_H
#define MPQ_DIALECTS_ONNX_LOWERING_H

#include "dialects/ONNX/Family.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mpq::onnx {

using Values = llvm::SmallVector<mlir::Value>;

/// The type of a result, or failure after an error: lowerings want static
/// shapes and signless elements.
llvm::FailureOr<mlir::RankedTensorType> getStaticType(mlir::Operation *op,
                                                      mlir::Value value);
/// The integers of a constant operand, or failure after an error.
llvm::FailureOr<llvm::SmallVector<int64_t>>
requireIntegers(mlir::Operation *op, mlir::Value value, llvm::StringRef what);

/// `value` as a scalar of `type`, rounded if need be.
mlir::Value scalar(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type,
                   double value);
/// A tensor filled with a scalar.
mlir::Value filled(mlir::OpBuilder &b, mlir::Location loc,
                   mlir::RankedTensorType type, mlir::Value scalar);
mlir::Value empty(mlir::OpBuilder &b, mlir::Location loc,
                  mlir::RankedTensorType type);

/// One element of the result from one of each input.
using Body = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                            mlir::ValueRange)>;

/// A linalg.generic over `type` whose inputs are broadcast to it.
mlir::Value elementwise(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::RankedTensorType type, mlir::ValueRange inputs,
                        Body body);
/// Likewise, but the body gets the index of the element, as index values.
mlir::Value generate(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::RankedTensorType type, Body body);
/// Reduces `input` over `axes` (sorted) with `combine(element, accumulator)`
/// starting from `init`; the dimensions go away. The result is of the type of
/// `init`.
mlir::Value reduce(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                   llvm::ArrayRef<int64_t> axes, mlir::Value init,
                   Body combine);
/// The same elements in another static shape.
mlir::Value reshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                    llvm::ArrayRef<int64_t> shape);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_LOWERING_H
