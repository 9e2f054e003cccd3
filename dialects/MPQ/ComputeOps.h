//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the verifiers and interface methods of the compute ops share.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_COMPUTEOPS_H
#define MPQ_DIALECTS_MPQ_COMPUTEOPS_H

#include "dialects/MPQ/MPQ.h"

namespace mpq {

/// The logical shape of an activation: that of its layout, or its own.
llvm::SmallVector<int64_t> getLogicalShape(mlir::Type type, BlockedAttr layout);

/// Checks that `type` is stored as `layout` says (null: any plain shape) and
/// holds u8 (i8) codes exactly where `quant` is given, f32 or bf16 otherwise.
/// `what` names the operand.
llvm::LogicalResult verifyActivation(mlir::Operation *op, llvm::StringRef what,
                                     mlir::Type type, BlockedAttr layout,
                                     UniformAttr quant);

/// Checks that the op has one result per tensor destination, of its type.
llvm::LogicalResult verifyDestination(mlir::Operation *op, mlir::Value init,
                                      mlir::ValueRange results);

/// Checks that `actual` equals `expected`; the diagnostic names both.
llvm::LogicalResult verifyShape(mlir::Operation *op, llvm::StringRef what,
                                llvm::ArrayRef<int64_t> actual,
                                llvm::ArrayRef<int64_t> expected);

/// Reads of memref operands, and the write of the destination.
void addComputeEffects(
    mlir::Operation *op, mlir::OpOperand &init,
    llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>> &effects);

/// The size of a pooling or convolution result along one dimension.
int64_t getWindowedSize(int64_t input, int64_t window, int64_t stride,
                        int64_t dilation, int64_t low, int64_t high);

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_COMPUTEOPS_H
