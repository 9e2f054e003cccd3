//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Shared by min-max and least squares.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_SUPPORT_QUANTIZATION_RANGE_H
#define MPQ_LIB_SUPPORT_QUANTIZATION_RANGE_H

#include "mpq/Support/Quantization.h"

namespace mpq {

/// The finite values' range, extended to hold zero.
struct Range {
  double low = 0, high = 0;
};
Range finiteRange(llvm::ArrayRef<float> values);

/// `scale` rounded to f32, then to its storage type; not zero unless it is
/// zero, and no larger than what keeps all levels finite.
float storedScale(double scale, const IntGrid &grid);

/// The magnitude of the smallest symmetric scale of that sign that clips
/// nothing.
double symmetricStep(const Range &range, unsigned bits, bool negative);

/// The code nearest to where zero lies in a range that is not empty.
int32_t zeroPointOf(const Range &range, unsigned bits);

} // namespace mpq

#endif // MPQ_LIB_SUPPORT_QUANTIZATION_RANGE_H
