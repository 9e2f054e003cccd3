//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where each level of a weight lies whose bytes are looked up in tables of sums: what
// `#mpq.packed_bytes<...>` means, for the code that packs and the kernels that read.
//
// A byte has the levels of a few columns of one row. Eight levels of two are eight
// bits, or two indices of 16 sums of four activations. Five of three, d_0 ... d_4, each
// -1, 0 or 1, are digits in base 3 of a number
//
//     v = sum (d_i + 1) 3^i                0 ... 242
//
// and turning all signs over makes it 242 - v. So a table of sums of activations
// needs the numbers up to 121 only, and the byte is
//
//     bit   7          6 ... 0
//          | v > 121 | min(v, 242 - v) |   121 is zero in all columns
//
// A table of 128 entries is what one vpermi2b reads: by seven bits, whatever is
// above them.
//
// A *line* is the same columns of 64 rows, or of 32 where vectors have 32 bytes, so
// that one table is right for all its bytes. Row r of a line of n is byte
// 4 (r % (n / 4)) + r / (n / 4): byte j of the dwords of a line is n / 4 rows in order.
// *Streams* of so many rows, line by line in turn, share the loads of tables; their
// rows are a *panel*.
//
// A group of columns that share a scale is whole lines, the last one filled up with
// what adds nothing: 128 columns of three levels are 26 lines with room for 130. Lines
// and their scales,
//
//     [line 0 of stream 0, of stream 1, line 1 of stream 0, ...][scales, row by row]
//
// are the piece of a panel and a group. The tables in use, 256 bytes for a line of
// three levels and 64 of two, have to fit a part of the first-level cache, while the
// weight passes through the rest: about 8 KiB. So groups of more lines are cut into
// equal *parts*, of which the last has the scales, and several shorter groups are a
// *run*; panels follow each other within a run and part:
//
//     for run, part: for panel: for group of the run: [lines][scales]
//
// Memory is read from its beginning to its end. Behind all of it, panel by panel:
//
//     several groups:   [f32: sums of the rows' weights]
//     one group:        [f32: scales]
//                       [i32: sums of the rows' levels]
//
// for the zero points of activations, as in PackedLayout.h.
//
// Example: 4096 x 4096 of three levels, f16 scales for groups of 128, two streams of
// 64. A run is one group: 26 lines of two streams and 256 bytes, 3584 bytes for
// 128 x 128 weights (1.75 bits each, of which .125 are scales); 32 panels make a run,
// 32 runs the weight.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTELAYOUT_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTELAYOUT_H

#include "mpq/Kernel/PackedLayout.h"

namespace mpq {
class KernelBuilder;
class WeightReader;
} // namespace mpq

namespace mpq::bytelookup {

struct ByteLayout {
  explicit ByteLayout(PackedBytesAttr attr);
  /// The weight as codes of 1 or 2 bits: what knows of rows of activations asks it where
  /// groups begin.
  PackedLayout getPlain() const;

  PackedBytesAttr attr;
  int64_t rows, k;
  /// Columns of a byte; bytes, so rows, of a line; streams and rows of a panel.
  int64_t columns, line, streams, panelRows;
  /// Columns of a group, but for the end of the last one.
  int64_t groups, groupColumns;
  bool isGrouped() const { return groups > 1; }
  /// Parts of a group, lines of each, columns of these.
  int64_t parts, partLines;
  int64_t getPartColumns() const { return partLines * columns; }
  /// Groups of a run, the last of which may have some that are not there. With
  /// several parts a run is one group.
  int64_t runs, runGroups;
  /// Lines of a run and part: as many tables are in use.
  int64_t getTableLines() const { return runGroups * partLines; }
  int64_t panels() const { return (rows + panelRows - 1) / panelRows; }

  /// Bytes of a scale in a group's piece; of that piece, in the last part or not;
  /// between panels.
  int64_t scaleBytes;
  int64_t getLineBytes() const { return partLines * panelRows; }
  int64_t getGroupBytes(bool isLast) const {
    return getLineBytes() +
           (isLast && isGrouped() ? panelRows * scaleBytes : 0);
  }
  int64_t getPanelPitch(bool isLast) const {
    return runGroups * getGroupBytes(isLast);
  }
  /// Between parts but the last, and between runs.
  int64_t getPartPitch() const { return panels() * getPanelPitch(false); }
  int64_t getRunPitch() const {
    return (parts - 1) * getPartPitch() + panels() * getPanelPitch(true);
  }
  /// Of what is behind all runs, for each panel: where it begins, its size, the
  /// offset of the sums in it.
  int64_t getFactorsOffset() const { return runs * getRunPitch(); }
  int64_t getSumsOffset() const { return isGrouped() ? 0 : 4 * panelRows; }
  int64_t getFactorsPitch() const { return getSumsOffset() + 4 * panelRows; }
  int64_t bytes() const {
    return getFactorsOffset() + panels() * getFactorsPitch();
  }
};

/// Bytes of five levels of three.
struct TernaryByte {
  static constexpr int64_t kDigits = 5;
  /// Powers of 3, and the index of five zeros, the largest of all.
  static constexpr int64_t kPowers[kDigits] = {1, 3, 9, 27, 81}, kZeros = 121;

  /// The digit `digit` (0, 1 or 2) of an index, which, `isMirrored`, is that of
  /// the opposite levels.
  static int64_t getDigit(int64_t index, bool isMirrored, int64_t digit) {
    int64_t number = isMirrored ? 2 * kZeros - index : index;
    return number / kPowers[digit] % 3;
  }
};

/// IR that packs a weight, whose levels are those of the layout: writes all
/// `layout.bytes()` bytes of `packed`.
void emitPack(KernelBuilder &k, const ByteLayout &layout,
              const WeightReader &weight, mlir::Value packed);

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTELAYOUT_H
