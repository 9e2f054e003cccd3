//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Activations that are quantized inside a kernel, with a scale that is computed
// from the data: what `#mpq.uniform<dynamic>` means.
//
// For the values x of one sample (convolution) or of one row (matmul), and the
// largest code, 2^bits - 1:
//
//     low = min(0, min x)     high = max(0, max x)
//     scale = (high - low) / largest, or 1 if that is no normal number
//     zero_point = clamp(roundeven(-low * (1 / scale)), 0, largest)
//     code = clamp(roundeven(x * (1 / scale)) + zero_point, 0, largest)
//
// or, for every group of columns of a row, if that is what it is quantized by
// (`#mpq.uniform<dynamic, group = 32>`),
//
//     zero_point = 2^(bits - 1)
//     scale = max |x| / (largest - zero_point), or 1 if that is no normal number
//     code = clamp(roundeven(x * (1 / scale)) + zero_point, 0, largest)
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

  /// The largest code.
  double largest;

  /// What `quant`, which is dynamic, makes of the smallest and the largest
  /// value.
  DynamicQuantization(KernelBuilder &k, UniformAttr quant, mlir::Value min,
                      mlir::Value max);

  /// The same of elements [from, from + count) of a buffer of f32: a row, or a
  /// group of one.
  static DynamicQuantization ofRow(KernelBuilder &k, UniformAttr quant,
                                   mlir::Value buffer, Index from,
                                   int64_t count);

  /// The codes of `reals` (f32, or a vector of it) as i32.
  mlir::Value encode(KernelBuilder &k, mlir::Value reals) const;
  /// The reals that the codes of `reals` stand for.
  mlir::Value roundTrip(KernelBuilder &k, mlir::Value reals) const;

private:
  /// From the distance of the levels.
  void setScale(KernelBuilder &k, mlir::Value step);
  /// round(x / scale) + zero point, saturated, still f32.
  mlir::Value emitCode(KernelBuilder &k, mlir::Value reals) const;
  /// `scalar`, in all lanes if `like` is a vector.
  static mlir::Value matching(KernelBuilder &k, mlir::Value scalar,
                              mlir::Value like);
};

} // namespace mpq

#endif // MPQ_KERNEL_DYNAMICQUANTIZATION_H
