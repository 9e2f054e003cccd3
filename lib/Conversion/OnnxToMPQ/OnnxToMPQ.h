//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the lowerings of convolution, pooling and matrix products share.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_CONVERSION_ONNXTOMPQ_ONNXTOMPQ_H
#define MPQ_CONVERSION_ONNXTOMPQ_ONNXTOMPQ_H

#include "dialects/MPQ/MPQ.h"
#include "dialects/ONNX/ONNX.h"

namespace mpq {

void attachConvLowerings(mlir::MLIRContext *context);
void attachPoolLowerings(mlir::MLIRContext *context);
void attachMatMulLowerings(mlir::MLIRContext *context);
void attachGatherLowerings(mlir::MLIRContext *context);
void attachRowLowerings(mlir::MLIRContext *context);

/// Stride, dilation and padding of a window that slides over the spatial
/// dimensions, with ONNX's defaults and `auto_pad` resolved. `low` and `high`
/// have an entry per spatial dimension.
struct SlidingWindow {
  llvm::SmallVector<int64_t> kernel, strides, dilations, low, high;

  /// `input` and `output` are the spatial sizes.
  SlidingWindow(llvm::ArrayRef<int64_t> kernel,
                std::optional<llvm::ArrayRef<int64_t>> strides,
                std::optional<llvm::ArrayRef<int64_t>> dilations,
                std::optional<llvm::ArrayRef<int64_t>> pads,
                llvm::StringRef autoPad, llvm::ArrayRef<int64_t> input,
                llvm::ArrayRef<int64_t> output);

  /// One spatial dimension becomes two, the first of size 1.
  void expandTo2D();
  /// top, left, bottom, right.
  llvm::SmallVector<int64_t> getPads2D() const {
    return {low[0], low[1], high[0], high[1]};
  }
};

/// `value` (N x C x W) as N x C x 1 x W, and back.
mlir::Value expandTo2D(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value);
mlir::Value collapseTo1D(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value);

/// An uninitialised destination of `type`.
mlir::Value makeEmpty(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type);

/// Whether `value` is a weight: a constant, or stored in a number format.
bool isWeight(mlir::Value value);

} // namespace mpq

#endif // MPQ_CONVERSION_ONNXTOMPQ_ONNXTOMPQ_H
