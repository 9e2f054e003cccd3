//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification of packed layouts and of tiles.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Packed/Packed.h"

using namespace mlir;
using namespace mpq;

LogicalResult PackedAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t rows, int64_t k, unsigned bits,
                                 int64_t group, int64_t step, int64_t low,
                                 unsigned scaleBits, bool zeroPoints,
                                 bool table, DenseI32ArrayAttr levels,
                                 int64_t chunk, bool planes) {
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
  if (chunk < 0 || chunk >= k || (group && chunk % group != 0))
    return emitError() << "a chunk is 0 (the row) or whole groups of " << group
                       << " of its " << k << " weights, not " << chunk;
  if (planes && (table || levels))
    return emitError() << "codes of a table or of levels index them whole, not "
                          "plane by plane";
  if (!levels)
    return success();
  if (table || zeroPoints || step != 1)
    return emitError() << "codes of integer levels have no table, no zero points "
                          "and step 1, not step "
                       << step;
  if (levels.size() != int64_t(1) << bits)
    return emitError() << "codes of " << bits << " bits have " << (1 << bits)
                       << " levels, not " << levels.size();
  for (int32_t level : levels.asArrayRef())
    if (level < low || level > low + 255)
      return emitError() << "integer levels are " << low << " to " << low + 255
                         << ", not " << level;
  return success();
}

LogicalResult TileAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               unsigned bits, int64_t m, int64_t rows,
                               int64_t vectors, int64_t prefetch,
                               int64_t level) {
  // No CPU has registers for more, and no stream of codes so many lines.
  constexpr int64_t kMostRows = 16, kMostVectors = 8, kMostLines = 4096;
  auto check = [&](StringRef name, int64_t value, int64_t least,
                   int64_t most) -> LogicalResult {
    if (value >= least && value <= most)
      return success();
    return emitError() << "'" << name << "' of a tile is " << value
                       << " when it should be " << least << " to " << most;
  };
  return success(succeeded(check("bits", bits, 1, 8)) &&
                 succeeded(check("m", m, 1, INT64_MAX)) &&
                 succeeded(check("rows", rows, 1, kMostRows)) &&
                 succeeded(check("vectors", vectors, 1, kMostVectors)) &&
                 succeeded(check("prefetch", prefetch, 0, kMostLines)) &&
                 succeeded(check("level", level, 1, 3)));
}

LogicalResult
PackedBytesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t rows, int64_t k, int64_t group,
                        unsigned scaleBits, int64_t columns, int64_t line,
                        int64_t streams) {
  if (columns != 5 && columns != 8)
    return emitError() << "a byte has 5 levels of three or 8 of two, not "
                       << columns;
  if ((line != 32 && line != 64) || streams < 1)
    return emitError() << "lines are of 32 or 64 rows, and there is at least one "
                          "stream, not "
                       << line << " and " << streams;
  if (rows < 1 || k < 1)
    return emitError() << "a packed weight has at least one row and column, not "
                       << rows << " x " << k;
  if (group < 0 || group >= k)
    return emitError() << "a group is 0 (the row) or fewer than its " << k
                       << " weights, not " << group;
  if (scaleBits != 16 && scaleBits != 32)
    return emitError() << "a packed scale has 16 or 32 bits, not " << scaleBits;
  return success();
}
