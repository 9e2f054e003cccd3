//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Pieces that lowerings to linalg are made of. Types are given with their sizes
// (Sizes.h); what is built has plain types, its sizes computed from those of the
// function's arguments.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_LOWERING_H
#define MPQ_DIALECTS_ONNX_LOWERING_H

#include "dialects/ONNX/Family.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mpq::onnx {

using Values = llvm::SmallVector<mlir::Value>;

/// The type of an operand or result of an `onnx` op with its sizes, or failure
/// after an error: lowerings want sizes that are known, though perhaps as
/// expressions, and signless elements.
llvm::FailureOr<mlir::RankedTensorType> getSizedType(mlir::Operation *op,
                                                     mlir::Value value);
/// Likewise, all of them numbers.
llvm::FailureOr<mlir::RankedTensorType> getStaticType(mlir::Operation *op,
                                                      mlir::Value value);
/// The integers of a constant operand, or failure after an error.
llvm::FailureOr<llvm::SmallVector<int64_t>>
requireIntegers(mlir::Operation *op, mlir::Value value, llvm::StringRef what);

/// A tensor of integers, some of which are expressions of sizes.
mlir::Value buildIntegers(mlir::OpBuilder &b, mlir::Location loc,
                          const PartialTensor &value);

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
/// Reduces `input`, of type `type`, over `axes` (sorted) with `combine(element, accumulator)`
/// starting from `init`; the dimensions go away. The result is of the type of
/// `init`.
mlir::Value reduce(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                   mlir::RankedTensorType type, llvm::ArrayRef<int64_t> axes,
                   mlir::Value init, Body combine);
/// The same elements, of sizes `from`, in another shape.
mlir::Value reshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                    llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);
/// Likewise for an input whose sizes are all numbers.
mlir::Value reshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                    llvm::ArrayRef<int64_t> to);

/// Gather by extracting elements, whatever the data is. The op's lowering is
/// attached where those are that know more forms of it (lib/Conversion).
llvm::FailureOr<Values> lowerGather(GatherOp op, mlir::OpBuilder &b,
                                    mlir::ValueRange operands);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_LOWERING_H
