//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_ONNXFOLD_CONSTANTS_H
#define MPQ_TRANSFORMS_ONNXFOLD_CONSTANTS_H

#include "dialects/ONNX/Family.h"

#include "mlir/IR/PatternMatch.h"

#include <vector>

namespace mpq::onnx {

/// The elements of an f32 constant, a splat repeated; nothing for any other
/// value.
std::optional<std::vector<float>> readFloats(mlir::Value value);

/// A constant like `like`, in name and location, with other elements.
mlir::Value makeFloats(mlir::OpBuilder &b, mlir::Value like,
                       llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<float> elements);
/// The same for bytes in row-major order.
mlir::Value makeBytes(mlir::OpBuilder &b, mlir::Value like,
                      mlir::RankedTensorType type, std::vector<char> bytes);

void populateFoldConstants(mlir::RewritePatternSet &patterns);
void populateFoldBatchNormalization(mlir::RewritePatternSet &patterns);

} // namespace mpq::onnx

#endif // MPQ_TRANSFORMS_ONNXFOLD_CONSTANTS_H
