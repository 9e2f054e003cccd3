//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the reference families share.
//
// A reference family is its op's definition written down as scalar loops: any
// shape, layout, group count and quantization, f32 accumulation in row-major
// order of the weight. It is the oracle of the other families and the one that
// takes what no other wants. Weights are "packed" as the plain f32 matrix
// [rows][k], whatever their format is.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_REFERENCE_REFERENCE_H
#define MPQ_LIB_KERNEL_REFERENCE_REFERENCE_H

#include "mpq/Kernel/DynamicQuantization.h"
#include "mpq/Kernel/KernelBuilder.h"

#include <limits>

namespace mpq::reference {

/// Bytes of the f32 matrix of an op's `weight_shape`, in whole cache lines.
int64_t getMatrixBytes(llvm::ArrayRef<int64_t> weightShape);

/// Writes the f32 matrix, zeros behind it.
void emitMatrix(KernelBuilder &k, llvm::ArrayRef<int64_t> weightShape,
                const WeightReader &weight, mlir::Value packed);

/// The same as a typed buffer.
mlir::Value getMatrix(KernelBuilder &k, llvm::ArrayRef<int64_t> weightShape,
                      mlir::Value packed);

/// The quantization that is in an activation's memory: null for f32, so for
/// values that are still to be quantized dynamically, too.
UniformAttr getStoredQuant(UniformAttr quant);

/// One real of an activation.
mlir::Value loadReal(KernelBuilder &k, const Activation &from, Index at);
/// Clamps, quantizes and writes one real.
void storeReal(KernelBuilder &k, mlir::Value real, const Activation &to,
               Index at, RangeAttr clamp);

/// `accepts`, packing and priority of the family for ops of type `OpTy`.
template <typename OpTy> class Family : public KernelFamily {
public:
  int getPriority() const override { return std::numeric_limits<int>::min(); }

  bool accepts(mlir::Operation *op, const KernelTarget &,
               std::string &reason) const override {
    if (mlir::isa<OpTy>(op))
      return true;
    reason = ("implements " + OpTy::getOperationName() + " only").str();
    return false;
  }

  /// Plain layouts.
  KernelLayouts getLayouts(mlir::Operation *op,
                           const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        mlir::cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

  int64_t getPackedBytes(mlir::Operation *op,
                         const KernelTarget &) const override {
    return getMatrixBytes(mlir::cast<OpTy>(op).getWeightShape());
  }

  void emitPack(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Operation *op, const KernelTarget &target,
                const WeightReader &weight, mlir::Value packed) const override {
    KernelBuilder k(builder, loc, target);
    emitMatrix(k, mlir::cast<OpTy>(op).getWeightShape(), weight, packed);
  }
};

} // namespace mpq::reference

#endif // MPQ_LIB_KERNEL_REFERENCE_REFERENCE_H
