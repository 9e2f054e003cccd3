//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification of packed layouts.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Packed/Packed.h"

using namespace mlir;
using namespace mpq;

LogicalResult PackedAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t rows, int64_t k, unsigned bits,
                                 int64_t group, int64_t step, int64_t low,
                                 unsigned scaleBits, bool zeroPoints,
                                 bool table) {
  if (rows < 1 || k < 1)
    return emitError() << "a packed weight has at least one row and column, not "
                       << rows << " x " << k;
  if (bits < 1 || bits > 8)
    return emitError() << "packed codes have 1 to 8 bits, not " << bits;
  if (group < 0 || group >= k)
    return emitError() << "a group is 0 (the row) or fewer than its " << k
                       << " weights, not " << group;
  if (step != 1 && (step != 2 || zeroPoints))
    return emitError() << "levels are 1 or, without zero points, 2 apart, not "
                       << step;
  if (scaleBits != 16 && scaleBits != 32)
    return emitError() << "a packed scale has 16 or 32 bits, not " << scaleBits;
  if (table && (zeroPoints || step != 1 || low != 0))
    return emitError() << "codes of a table have no levels: step 1, low 0 and "
                          "no zero points, not step "
                       << step << ", low " << low;
  return success();
}
