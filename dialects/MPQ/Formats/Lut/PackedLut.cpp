//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification of the layout in which kernels read learned tables.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Lut/Lut.h"

using namespace mlir;
using namespace mpq;

LogicalResult
PackedLutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      int64_t rows, int64_t k, unsigned bits, int64_t group,
                      unsigned valueBits, bool shared, bool planes) {
  if (rows < 1 || k < 1)
    return emitError()
           << "a packed weight has at least one row and column, not " << rows
           << " x " << k;
  if (bits < 2 || bits > 8)
    return emitError() << "codes that are looked up have 2 to 8 bits, not "
                       << bits;
  if (group < 0 || group >= k)
    return emitError() << "a group is 0 (the row) or fewer than its " << k
                       << " weights, not " << group;
  if (valueBits != 16 && valueBits != 32)
    return emitError() << "reals of a table have 16 or 32 bits, not "
                       << valueBits;
  if (planes && bits <= 4)
    return emitError()
           << "tables of up to 16 reals are not stored byte by byte: "
              "codes have 5 bits or more, not "
           << bits;
  return success();
}
