//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Recognising pieces of a graph: constants, and ops whose operands may stand in
// either order.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_TRANSFORMS_ONNXFUSE_MATCH_H
#define MPQ_LIB_TRANSFORMS_ONNXFUSE_MATCH_H

#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/PatternMatch.h"

namespace mpq::onnx {

/// The elements of an f32 constant of any size; empty for any other value.
std::vector<float> readReals(mlir::Value value);
/// The value of an f32 constant of one element.
std::optional<float> getScalar(mlir::Value value);
/// The type, if its rank is known.
mlir::RankedTensorType getRanked(mlir::Value value);
/// Whether `value` is a constant of as many elements as the last dimension of
/// `like` has, along that dimension.
bool isAlongLast(mlir::Value value, mlir::Value like);

/// For a commutative op: the other operand where `is` holds of one. Null if of
/// neither.
template <typename Predicate>
mlir::Value getOther(mlir::Operation *op, Predicate is) {
  for (unsigned i : {0, 1})
    if (is(op->getOperand(i)))
      return op->getOperand(1 - i);
  return {};
}

/// `value` as an onnx.Transpose with this permutation: what it transposes.
mlir::Value matchTranspose(mlir::Value value, llvm::ArrayRef<int64_t> perm);
/// `value` as an onnx.Slice of its operand along one dimension, step 1:
/// operand, first and (if constant) end.
struct SliceMatch {
  mlir::Value source;
  int64_t axis, start;
  std::optional<int64_t> end;
  /// What says the end.
  mlir::Value endValue;
};
std::optional<SliceMatch> matchSlice(mlir::Value value);

/// A named constant beside `like`.
mlir::Value makeConstant(mlir::OpBuilder &b, mlir::Value like,
                         llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<float> elements);

void populateFuseNormalization(mlir::RewritePatternSet &patterns);
void populateFuseRotary(mlir::RewritePatternSet &patterns);
void populateFuseAttention(mlir::RewritePatternSet &patterns);
void populateCancelTransposes(mlir::RewritePatternSet &patterns);

} // namespace mpq::onnx

#endif // MPQ_LIB_TRANSFORMS_ONNXFUSE_MATCH_H
