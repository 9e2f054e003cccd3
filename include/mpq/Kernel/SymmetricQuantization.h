//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Operands that a kernel quantizes itself because both of them are activations:
// rows around zero, with a scale from the data.
//
//     largest = max |x|        scale = largest / levels        (levels = 127)
//     code = roundeven(x * (levels / largest))                 in [-127, 127]
//
// A row whose largest value is no normal number (zero, mostly) has the scale 0
// and codes 0. Values that are not negative take levels = 255.
//
// There is no zero point, so that the product of two rows is their scales times
// one sum of integers, which is exact. All of it is made of IEEE operations
// that every CPU has (no fused multiply-add): kernels for different CPUs agree
// to the bit as long as they perform these steps in this order.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_SYMMETRICQUANTIZATION_H
#define MPQ_KERNEL_SYMMETRICQUANTIZATION_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

/// The levels of codes with a sign, and of those without.
constexpr double kSignedLevels = 127.0, kUnsignedLevels = 255.0;

/// f32, or vectors of it; `inverse` is what values are multiplied with.
struct SymmetricScale {
  mlir::Value scale, inverse;

  /// Of one `largest` magnitude, or of a vector of them.
  SymmetricScale(KernelBuilder &k, mlir::Value largest, double levels);
};

/// The larger of two numbers: one instruction, and of a NaN `a` it is `b`.
mlir::Value emitLarger(KernelBuilder &k, mlir::Value a, mlir::Value b);
/// max(|x|, largest).
mlir::Value includeMagnitude(KernelBuilder &k, mlir::Value x,
                             mlir::Value largest);

/// `x` rounded half to even, as i32, for |x| < 2^22. What is no such number
/// becomes any integer.
mlir::Value roundToInteger(KernelBuilder &k, mlir::Value x);

/// i32 as f32.
mlir::Value emitReal(KernelBuilder &k, mlir::Value integers);

/// 2^x for x <= 0: within 1.02e-4 of it, relatively, and exactly 1 for 0; below
/// 2^-126.5 it is zero. For what becomes codes of 8 bits: half the operations
/// of KernelBuilder::exp2, and the same bits on every CPU.
mlir::Value emitRoughPower(KernelBuilder &k, mlir::Value x);

} // namespace mpq

#endif // MPQ_KERNEL_SYMMETRICQUANTIZATION_H
