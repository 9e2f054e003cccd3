//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Windows that slide over spatial dimensions: what Conv and the pools share.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_WINDOW_H
#define MPQ_DIALECTS_ONNX_WINDOW_H

#include "dialects/ONNX/Family.h"

namespace mpq::onnx {

/// The attributes of Conv, MaxPool, ... with the defaults of the standard
/// filled in, one entry per spatial dimension.
struct Window {
  Shape kernel, strides, dilations, padsBegin, padsEnd;
  bool ceilMode = false;

  /// The window of `op` over the spatial dimensions `input`; `kernel` is what
  /// the weights say, or empty for an op whose attribute says it. auto_pad is
  /// resolved where the sizes are known. An error at the op if the attributes
  /// do not fit.
  static llvm::FailureOr<Window> get(mlir::Operation *op,
                                     llvm::ArrayRef<int64_t> input,
                                     llvm::ArrayRef<int64_t> kernel);

  /// The sizes of the output; an error at the op if one is not positive.
  llvm::FailureOr<Shape> getOutput(mlir::Operation *op,
                                   llvm::ArrayRef<int64_t> input) const;

private:
  bool same = false; // auto_pad SAME_*: output = ceil(input / stride)
};

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_WINDOW_H
