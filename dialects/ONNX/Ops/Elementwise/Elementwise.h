//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_OPS_ELEMENTWISE_ELEMENTWISE_H
#define MPQ_DIALECTS_ONNX_OPS_ELEMENTWISE_ELEMENTWISE_H

#include "dialects/ONNX/Family.h"

namespace mpq {
void registerOnnxOpsElementwise(mlir::DialectRegistry &registry);
} // namespace mpq

namespace mpq::onnx {
void attachElementwiseShapes(mlir::MLIRContext *context);
void attachElementwiseLowerings(mlir::MLIRContext *context);
} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_OPS_ELEMENTWISE_ELEMENTWISE_H
