//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How groups become cells, runs and bundles.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLut/LutLayout.h"

#include "llvm/Support/MathExtras.h"

using namespace mpq;
using namespace mpq::lut;

LutLayout::LutLayout(PackedLutAttr attr)
    : rows(attr.getRows()), k(attr.getK()), bits(attr.getBits()),
      shared(attr.getShared()), planes(attr.getPlanes()),
      slots(attr.getBits() > 4 ? kLine / kLanes : 32 / attr.getBits()),
      groupColumns(attr.getGroup() ? attr.getGroup() : attr.getK()),
      cellGroups(1), valueBytes(attr.getValueBits() / 8) {
  groups = llvm::divideCeil(k, groupColumns);
  groupSlots = llvm::divideCeil(groupColumns, kLanes);
  bool sharesLine = groups > 1 && !shared && groupSlots < slots;
  if (sharesLine) {
    while (slots % groupSlots != 0)
      ++groupSlots;
    cellGroups = slots / groupSlots;
  }
  cells = llvm::divideCeil(groups, cellGroups);
  teamRows = hasBytes() && !shared ? 1 : kRows;
  runs = kStreams / teamRows;
  // Runs short enough for a bundle, decoded to f32, to fit the first-level
  // cache.
  constexpr int64_t kMostColumns[] = {512, 256};
  int64_t most = kMostColumns[hasBytes()] / lineColumns();
  int64_t lines = sharesLine ? 1 : llvm::divideCeil(groupSlots, slots);
  int64_t perRun = llvm::divideCeil(lines, runs);
  // Of the lengths that do, the longest of those that waste least.
  auto pad = [&](int64_t length) { return llvm::alignTo(perRun, length); };
  runLines = std::min(perRun, most);
  for (int64_t length = runLines; perRun > most && length > most / 2; --length)
    if (pad(length) < pad(runLines))
      runLines = length;
  bundles = llvm::divideCeil(perRun, runLines);
}

int64_t LutLayout::getByte(int64_t slot, int64_t lane) const {
  if (!planes)
    return slot * kLanes + lane;
  if (valueBytes == 4)
    return 16 * (lane / 4) + 4 * slot + lane % 4;
  return 16 * (2 * (slot / 2) + lane / 8) + 8 * (slot % 2) + lane % 8;
}

int64_t LutLayout::tableEntries() const {
  return std::max<int64_t>(hasBytes() ? kLine : kLanes, int64_t(1) << bits);
}

packedf32::PaddedColumns LutLayout::getColumns() const {
  int64_t pitch = cellGroups == 1 ? cellColumns() : groupSlots * kLanes;
  return {k, groupColumns, pitch, cells * cellColumns()};
}
