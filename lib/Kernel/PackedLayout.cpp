//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The numbers of a packed layout.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/PackedLayout.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"
#include "dialects/MPQ/Formats/Int/Int.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace mpq;

/// Steps of a group with padding: a power of two, if that is less than a cell,
/// or whole cells.
static int64_t padSteps(int64_t steps, int64_t cellSteps) {
  return steps < cellSteps ? int64_t(llvm::PowerOf2Ceil(steps))
                           : int64_t(llvm::alignTo(steps, cellSteps));
}

PackedLayout::PackedLayout(PackedAttr attr)
    : rows(attr.getRows()), k(attr.getK()), bits(attr.getBits()),
      step(attr.getStep()), low(attr.getLow()),
      zeroPoints(attr.getZeroPoints()), table(attr.getTable()),
      planes(attr.getPlanes()) {
  if (attr.getLevels())
    levels = attr.getLevels().asArrayRef();
  chunkColumns = attr.getChunk() ? attr.getChunk() : k;
  chunks = llvm::divideCeil(k, chunkColumns);
  int64_t common = planes ? 1 : std::gcd(8u, bits);
  cellSteps = 8 / common;
  cellLines = bits / common;
  groupColumns = attr.getGroup() ? attr.getGroup() : k;
  groups = llvm::divideCeil(k, groupColumns);
  groupSteps = llvm::divideCeil(groupColumns, kColumns);
  if (!isGrouped()) {
    scaleBytes = 4;
    groupSteps = llvm::alignTo(groupSteps, cellSteps);
    blockGroups = fullBlocks = 1;
    lastGroups = 0;
    chunkSteps = chunkColumns / kColumns;
    assert((chunks == 1 || chunkColumns % (cellSteps * kColumns) == 0) &&
           "a chunk is whole cells");
    return;
  }
  groupSteps = padSteps(groupSteps, cellSteps);
  scaleBytes = attr.getScaleBits() / 8;
  // Powers of two, all of them.
  int64_t forFactors = kLine / std::gcd(kLine, kRows * (scaleBytes + zeroPoints));
  int64_t forCells = groupSteps < cellSteps ? cellSteps / groupSteps : 1;
  blockGroups = std::max(forFactors, forCells);
  fullBlocks = groups / blockGroups;
  lastGroups = groups % blockGroups;
  chunkSteps = chunkColumns / groupColumns * groupSteps;
  assert((chunks == 1 || chunkColumns % (blockGroups * groupColumns) == 0) &&
         "a chunk is whole blocks");
}

int64_t PackedLayout::getStepBytes(int64_t steps) const {
  if (isGrouped())
    return steps / (blockGroups * groupSteps) * getBlockBytes(blockGroups);
  return steps / cellSteps * cellLines * kLine;
}

int64_t PackedLayout::getStreamPitch(bool isLast) const {
  if (chunks == 1)
    return streamBytes();
  int64_t chunk = getStepBytes(chunkSteps);
  return isLast ? getFactorsOffset() - (chunks - 1) * chunk : chunk;
}

int64_t PackedLayout::getFactorsStart() const {
  return chunks == 1 ? getHeadBytes() + getFactorsOffset()
                     : streams() * getFactorsOffset();
}

SmallVector<PackedLayout::Piece> PackedLayout::getPieces(int64_t step) const {
  if (planes) {
    SmallVector<Piece> pieces;
    for (unsigned i = 0; i < bits; ++i)
      pieces.push_back({i, unsigned(step), 1, i});
    return pieces;
  }
  int64_t perLine = 8 / bits;
  if (step < cellLines * perLine)
    return {{step / perLine, unsigned(step % perLine * bits), bits, 0}};
  // A stretch of the bits at the top of the lines.
  unsigned firstBit = perLine * bits, rest = 8 - firstBit;
  int64_t at = (step - cellLines * perLine) * bits;
  SmallVector<Piece> pieces;
  for (unsigned done = 0; done < bits; done += pieces.back().width) {
    int64_t position = at + done;
    unsigned skipped = position % rest;
    pieces.push_back({position / rest, firstBit + skipped,
                      std::min(rest - skipped, bits - done), done});
  }
  return pieces;
}

int64_t PackedLayout::getColumns(int64_t group) const {
  return std::min(groupColumns, k - group * groupColumns);
}

int64_t PackedLayout::getCodeBytes(int64_t groups) const {
  return llvm::divideCeil(groups * groupSteps, cellSteps) * cellLines * kLine;
}

int64_t PackedLayout::getBlockBytes(int64_t groups) const {
  if (!isGrouped())
    return groups ? getCodeBytes(groups) : 0;
  return llvm::alignTo(getZeroPointOffset(groups, zeroPoints ? groups : 0),
                       kLine);
}

int64_t PackedLayout::getBlockStep(int64_t column) const {
  return column / groupColumns % blockGroups * groupSteps +
         column % groupColumns / kColumns;
}

int64_t PackedLayout::getCellStep(int64_t column) const {
  return getBlockStep(column) % cellSteps;
}

int64_t PackedLayout::locate(int64_t row, int64_t column,
                             const Piece &piece) const {
  int64_t block = column / groupColumns / blockGroups;
  int64_t cell = getBlockStep(column) / cellSteps;
  // From the start of an uncut stream.
  int64_t offset = getHeadBytes() + block * getBlockBytes(blockGroups) +
                   (cell * cellLines + piece.line) * kLine +
                   row % kRows * kColumns + column % groupColumns % kColumns;
  int64_t stream = row / kRows, chunk = column / chunkColumns;
  if (chunks > 1)
    offset += chunk * (getChunkPitch() - getStreamPitch(false));
  return offset + stream * getStreamPitch(chunk == chunks - 1);
}

/// The interface gives scales as f32; those of these formats are known to be
/// halves.
static bool hasHalfScales(FormatAttrInterface format) {
  if (auto integers = dyn_cast<IntFormatAttr>(format))
    return integers.getHalfScale();
  auto codebook = dyn_cast<CodebookFormatAttr>(format);
  return codebook && codebook.getHalfScale();
}

/// The levels of a codebook whose codes have at most 4 bits, and fewer than
/// `maxCode`, the largest number of a level counted from the lowest; levels above
/// that up to 127, bytes that all dot products take. Null: there are no such.
static DenseI32ArrayAttr getLookedUp(FormatAttrInterface format,
                                     int64_t maxCode) {
  auto codebook = dyn_cast<CodebookFormatAttr>(format);
  if (!codebook || codebook.getCodeBits() > 4 ||
      codebook.getCodeBits() >= llvm::Log2_64_Ceil(maxCode + 1) ||
      maxCode * format.getLevelStep() > 127)
    return {};
  SmallVector<int32_t> levels(codebook.getLevels());
  return DenseI32ArrayAttr::get(codebook.getContext(), levels);
}

PackedAttr PackedLayout::get(StoredTensorType weight, std::string &reason,
                             bool looksUp) {
  FormatAttrInterface format = weight.getFormat();
  int64_t k = weight.getK(), group = format.getIntegerGroup(k);
  if (!group) {
    reason = "the values of " + format.getSpelling() +
             " are not integer level times scale";
    return {};
  }
  // Levels are step * code - zero point. If the largest code is the largest
  // level, the zero point is a constant.
  auto [low, high] = format.getLevelRange();
  int64_t step = format.getLevelStep(), maxCode = format.getMaxCode();
  bool zeroPoints = (high - low) / step != maxCode;
  if (maxCode < 1 || maxCode > 255) {
    reason = llvm::formatv("the levels of {0} are {1} to {2}, beyond 8 bits",
                           format.getSpelling(), low, high);
    return {};
  }
  DenseI32ArrayAttr levels;
  if (looksUp && !zeroPoints)
    levels = getLookedUp(format, maxCode);
  if (levels)
    return PackedAttr::get(weight.getContext(), weight.getRows(), k,
                           llvm::Log2_64(levels.size()), group < k ? group : 0,
                           /*step=*/1, low, hasHalfScales(format) ? 16 : 32,
                           /*zeroPoints=*/false, /*table=*/false, levels,
                           /*chunk=*/0, /*planes=*/false);
  if (step > 2 || (step == 2 && zeroPoints)) {
    reason = llvm::formatv("the levels of {0} are {1} apart",
                           format.getSpelling(), step);
    return {};
  }
  return PackedAttr::get(weight.getContext(), weight.getRows(), k,
                         llvm::Log2_64_Ceil(maxCode + 1), group < k ? group : 0,
                         step, zeroPoints ? 0 : low,
                         hasHalfScales(format) ? 16 : 32, zeroPoints,
                         /*table=*/false, /*levels=*/{}, /*chunk=*/0,
                         /*planes=*/false);
}

PackedAttr PackedLayout::getPlanes(StoredTensorType weight,
                                   std::string &reason) {
  PackedAttr attr = get(weight, reason);
  if (!attr)
    return {};
  return PackedAttr::get(attr.getContext(), attr.getRows(), attr.getK(),
                         attr.getBits(), attr.getGroup(), attr.getStep(),
                         attr.getLow(), attr.getScaleBits(),
                         attr.getZeroPoints(), /*table=*/false, /*levels=*/{},
                         /*chunk=*/0, /*planes=*/true);
}

PackedAttr PackedLayout::getForFloats(StoredTensorType weight,
                                      std::string &reason) {
  auto codebook = dyn_cast<CodebookFormatAttr>(weight.getFormat());
  if (!codebook)
    return get(weight, reason);
  int64_t k = weight.getK(), group = codebook.getParts().getGroupLength(k);
  return PackedAttr::get(weight.getContext(), weight.getRows(), k,
                         codebook.getCodeBits(), group < k ? group : 0,
                         /*step=*/1, /*low=*/0,
                         codebook.getHalfScale() ? 16 : 32,
                         /*zeroPoints=*/false, /*table=*/true, /*levels=*/{},
                         /*chunk=*/0, /*planes=*/false);
}
