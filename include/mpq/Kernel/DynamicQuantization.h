//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Activations that are quantized inside a kernel, with a scale that is computed
// from the data: what `#mpq.uniform<dynamic>` means.
//
// For the values x of one sample (convolution) or of one row (matmul):
//
//     low = min(0, min x)     high = max(0, max x)
//     scale = (high - low) / 255, or 1 if that is no normal number
//     zero_point = clamp(roundeven(-low * (1 / scale)), 0, 255)
//     code = clamp(roundeven(x * (1 / scale)) + zero_point, 0, 255)
//
// in f32, so zero is represented exactly. Every kernel builds this arithmetic
// with the functions below, so that all agree to the bit.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_DYNAMICQUANTIZATION_H
#define MPQ_KERNEL_DYNAMICQUANTIZATION_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

/// Scalars of type f32; the zero point is integral.
struct DynamicQuantization {
  mlir::Value scale, inverse, zeroPoint;

  /// From the smallest and the largest value.
  DynamicQuantization(KernelBuilder &k, mlir::Value min, mlir::Value max);

  /// Of elements [from, from + count) of a buffer of f32.
  static DynamicQuantization ofRow(KernelBuilder &k, mlir::Value buffer,
                                   Index from, int64_t count);

  /// The codes of `reals` (f32, or a vector of it) as i32.
  mlir::Value encode(KernelBuilder &k, mlir::Value reals) const;
  /// The reals that the codes of `reals` stand for.
  mlir::Value roundTrip(KernelBuilder &k, mlir::Value reals) const;

private:
  /// `scalar`, in all lanes if `like` is a vector.
  static mlir::Value matching(KernelBuilder &k, mlir::Value scalar,
                              mlir::Value like);
};

} // namespace mpq

#endif // MPQ_KERNEL_DYNAMICQUANTIZATION_H
