//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How groups are cut into parts or gathered into runs.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteLayout.h"

#include "llvm/Support/MathExtras.h"

using namespace mpq;
using namespace mpq::bytelookup;

/// Lines whose tables are in use at a time: measured (docs/Rationale/Lookup.md). Sums
/// of 16 bits have room for 51 lines of three levels, and for 546 of two.
static int64_t getMostLines(int64_t columns) {
  return columns == TernaryByte::kDigits ? 32 : 128;
}

/// The height, up to `most`, that `count` is cut into with the least waste, the
/// highest one of several.
static int64_t getBestHeight(int64_t count, int64_t least, int64_t most) {
  if (count <= most)
    return count;
  int64_t best = most;
  for (int64_t height = most; height >= least; --height)
    if (llvm::alignTo(count, height) < llvm::alignTo(count, best))
      best = height;
  return best;
}

ByteLayout::ByteLayout(PackedBytesAttr attr)
    : attr(attr), rows(attr.getRows()), k(attr.getK()),
      columns(attr.getColumns()), line(attr.getLine()),
      streams(attr.getStreams()), panelRows(line * streams), parts(1),
      runGroups(1), scaleBytes(attr.getScaleBits() / 8) {
  groupColumns = attr.getGroup() ? attr.getGroup() : k;
  groups = llvm::divideCeil(k, groupColumns);
  int64_t lines = llvm::divideCeil(groupColumns, columns);
  int64_t most = getMostLines(columns);
  partLines = getBestHeight(lines, most * 3 / 4, most);
  parts = llvm::divideCeil(lines, partLines);
  if (parts == 1)
    runGroups = getBestHeight(groups, 1, most / partLines);
  runs = llvm::divideCeil(groups, runGroups);
}

PackedLayout ByteLayout::getPlain() const {
  bool isTernary = columns == TernaryByte::kDigits;
  return PackedLayout(PackedAttr::get(
      attr.getContext(), rows, k, /*bits=*/isTernary ? 2 : 1, attr.getGroup(),
      /*step=*/isTernary ? 1 : 2, /*low=*/-1, attr.getScaleBits(),
      /*zeroPoints=*/false, /*table=*/false, /*levels=*/{}, /*chunk=*/0,
      /*planes=*/false));
}
