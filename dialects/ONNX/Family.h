//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the families of ops in Ops/<Family>/ build their models of the
// interfaces from. A family attaches models to ops:
//
//   struct FlattenShapes : ShapeModel<FlattenShapes> {
//     LogicalResult inferTypes(Operation *op, const ValueTable &values,
//                              SmallVectorImpl<Type> &types) const;
//   };
//   void mpq::registerOnnxOpsReshape(DialectRegistry &registry) {
//     registry.addExtension(+[](MLIRContext *context, ONNXDialect *) {
//       attach<FlattenShapes, FlattenOp>(context);
//     });
//   }
//
// Shapes are lists of sizes (Sizes.h): numbers, expressions of the symbols, or
// kDynamic where unknown. A result's element type is right from the start, the
// importer finds it in the schema.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_FAMILY_H
#define MPQ_DIALECTS_ONNX_FAMILY_H

#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/TypeUtilities.h"

namespace mpq::onnx {

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// Base of models of ShapeInferenceOpInterface; inferTypes is left to do.
template <typename Model>
struct ShapeModel : ShapeInferenceOpInterface::FallbackModel<Model> {
  std::optional<PartialTensor> inferValue(mlir::Operation *,
                                          const ValueTable &) const {
    return std::nullopt;
  }
  bool isSampleParallel(mlir::Operation *, llvm::ArrayRef<bool>) const {
    return false;
  }
  bool isShapeOperand(mlir::Operation *, unsigned) const { return false; }
};

/// Base of models of LoweringOpInterface.
template <typename Model>
struct LoweringModel : LoweringOpInterface::FallbackModel<Model> {};

/// Attaches `Model` to each of the ops.
template <typename Model, typename... Ops>
void attach(mlir::MLIRContext *context) {
  (Ops::template attachInterface<Model>(*context), ...);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// The shape, or nothing if the rank is unknown.
std::optional<Shape> getShape(mlir::Value value);
/// The product of the sizes; unknown if one is (and none is 0).
int64_t getCount(llvm::ArrayRef<int64_t> shape);
/// The rank, or nothing.
std::optional<int64_t> getRank(mlir::Value value);

/// The type of `result` with this shape, or without rank.
mlir::Type withShape(mlir::Value result, const std::optional<Shape> &shape);
/// `[?, 3, 32]`, for diagnostics.
std::string toString(llvm::ArrayRef<int64_t> shape);

/// `axis` counted from the front; an error at the op if it is out of range.
llvm::FailureOr<int64_t> getAxis(mlir::Operation *op, int64_t axis,
                                 int64_t rank);
/// A list of axes, likewise; one that is there twice is an error.
llvm::FailureOr<Shape> getAxes(mlir::Operation *op,
                               llvm::ArrayRef<int64_t> axes, int64_t rank);

/// The shape that ONNX (and numpy) broadcast these to: aligned at the end,
/// sizes are equal or one of them is 1. Nothing if a rank is unknown.
llvm::FailureOr<std::optional<Shape>> broadcast(mlir::Operation *op,
                                                mlir::ValueRange values);

/// Two sizes that must be equal. If both are numbers the error names both; what
/// depends on symbols becomes a requirement.
llvm::LogicalResult checkSame(mlir::Operation *op, int64_t a,
                              llvm::StringRef whatA, int64_t b,
                              llvm::StringRef whatB);
/// The size that `a` and `b` broadcast to, one of them 1 or both the same; they
/// are not different numbers. What depends on symbols is required to be the
/// same: a size that is 1 now and then is not repeated.
int64_t broadcastSizes(mlir::Operation *op, int64_t a, int64_t b);
/// The rank must be `rank` or, if `atLeast`, no smaller.
llvm::LogicalResult checkRank(mlir::Operation *op, mlir::Value value,
                              llvm::StringRef what, int64_t rank,
                              bool atLeast = false);

/// Whether every operand but those marked is the same for all samples when the
/// result, of rank `rank`, has the samples in dimension 0: marked operands have
/// that rank, the others do not reach dimension 0 or have size 1 there.
bool broadcastsOverSamples(mlir::Operation *op, llvm::ArrayRef<bool> batched);
/// Whether only the operands of these numbers are marked.
bool onlyBatched(llvm::ArrayRef<bool> batched,
                 llvm::ArrayRef<unsigned> allowed);

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// 0, 1, ..., count - 1.
Shape iota(int64_t count);
/// Row-major strides.
Shape getStrides(llvm::ArrayRef<int64_t> shape);
/// Calls `body` with every index of `shape` (static) in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> body);
/// The offset of element `index` of the broadcast shape in a tensor of `shape`.
int64_t getBroadcastOffset(llvm::ArrayRef<int64_t> index,
                           llvm::ArrayRef<int64_t> shape);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_FAMILY_H
