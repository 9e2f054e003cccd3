//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where each code of a weight lies that is looked up row by row: what
// `#mpq.packed_lut<...>` means.
//
// A permutation finds 16 or 64 levels in one table. PackedLayout.h has 16 rows
// in a line, which would be 16 tables; where each row has its own, all codes
// that are looked up together have to be of one row:
//
// A *line* is 64 bytes of one row, `slots` times 16 columns. Codes of up to 4
// bits are in 16 lanes of 32 bits, as many as fit, and a shift brings a slot to
// the bottom:
//
//     bit     31 ...  8 7 6 5 4 3 2 1 0
//     lane i |   ...   | 16 + i |  i   |    columns, codes of 4 bits
//
// That is 16, 10 or 8 slots for 2, 3 or 4 bits.
//
// Longer codes are bytes, 64 columns in 4 slots. Bytes of their levels are
// looked up 64 at a time, plane by plane, and interleaved (`vpunpck`) within
// each 16 bytes, so that with `planes` column 16 q + i is the byte
//
//     16 (2 (q / 2) + i / 8) + 8 (q % 2) + i % 8        levels of 2 bytes
//     16 (i / 4) + 4 q + i % 4                          levels of 4 bytes
//
// and 16 q + i without.
//
// What hides the latency of sums is four *streams* of lines that take turns: of
// the four rows of a *panel*, or, where tables are too long for four of them to
// be in registers, four stretches of the columns of one row. A *run* is what a
// stream has before its sum is added to the others, a chain of multiply-adds
// over 256 to 512 columns; streams that take turns for one run each are a
// *bundle*. Columns of a row are in order: run by run, line by line, slot by
// slot.
//
// A *cell* is a group of columns with one table, padded to whole bundles; or
// one line of several groups, each padded to a number of slots that divides the
// line's. In order of use, a panel is
//
//     codes of up to 4 bits, or a shared table:
//
//       [cell 0: [tables of rows 0 to 3]
//                [line 0 of row 0, of row 1, 2, 3][line 1 of row 0, ...] ...]
//       [cell 1: ...
//
//     longer codes:
//
//       [row 0: [cell 0: [table]
//                        [line 0 of run 0, of run 1, 2, 3][line 1 of run 0 ...]
//               [cell 1: ...
//       [row 1: ...
//
// With a shared table, which lies behind all panels, scales are in the place of
// tables: f32, in a line. A table has at least 16 levels, or 64 as bytes;
// shorter ones repeat, so that what is above the bits of a code may stay in an
// index.
//
// Example: 4096 x 4096, 4 bits, an f16 table for each row. A line is 128
// columns, a run four of them. A panel is 128 bytes of tables and 32 lines of
// each of 4 rows: 8320 bytes, 4.06 bits a weight. Column 1000 of row 2 is in
// run 1, line 3 (columns 896 to 1023), slot 6, lane 8: bits 24 to 27 of dword 8
// of line (4 + 3) 4 + 2 of the panel.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLUT_LUTLAYOUT_H
#define MPQ_LIB_KERNEL_CPU_MATMULLUT_LUTLAYOUT_H

#include "dialects/MPQ/Formats/Lut/Lut.h"
#include "lib/Kernel/CPU/MatmulPackedF32/FloatRows.h"

namespace mpq::lut {

struct LutLayout {
  static constexpr int64_t kLanes = 16, kLine = 64, kRows = 4, kStreams = 4;

  explicit LutLayout(PackedLutAttr attr);

  int64_t rows, k;
  unsigned bits;
  /// One table for the tensor, and scales; tables byte by byte.
  bool shared, planes;
  /// Codes are bytes.
  bool hasBytes() const { return bits > 4; }

  //===--- Lines ----------------------------------------------------------===//
  int64_t slots;
  int64_t lineColumns() const { return slots * kLanes; }
  /// The byte of a line of bytes that has column `lane` of slot `slot`.
  int64_t getByte(int64_t slot, int64_t lane) const;

  //===--- Along a row ----------------------------------------------------===//
  /// Columns of a group, but for the end of the last one.
  int64_t groupColumns, groups;
  /// Groups of a cell, slots of each if there are several; cells of a row.
  int64_t cellGroups, groupSlots, cells;
  /// Streams of a bundle: of rows, times runs of each.
  int64_t teamRows, runs;
  /// Lines of a run, bundles of a cell.
  int64_t runLines, bundles;
  int64_t runColumns() const { return runLines * lineColumns(); }
  int64_t cellLines() const { return bundles * runs * runLines; }
  int64_t cellColumns() const { return cellLines() * lineColumns(); }
  /// Where activations lie.
  packedf32::PaddedColumns getColumns() const;

  //===--- Bytes ----------------------------------------------------------===//
  int64_t valueBytes;
  /// Entries of a table, its bytes.
  int64_t tableEntries() const;
  int64_t tableBytes() const { return tableEntries() * valueBytes; }
  /// From the start of a cell: of tables, or scales, of a team; of its lines.
  int64_t getTableOffset(int64_t row, int64_t group) const {
    return (row * cellGroups + group) * tableBytes();
  }
  int64_t getLinesOffset() const {
    return shared ? kLine : teamRows * cellGroups * tableBytes();
  }
  int64_t bundleBytes() const { return kStreams * runLines * kLine; }
  int64_t cellBytes() const {
    return getLinesOffset() + bundles * bundleBytes();
  }
  int64_t teamBytes() const { return cells * cellBytes(); }
  int64_t teams() const { return kRows / teamRows; }
  int64_t panelBytes() const { return teams() * teamBytes(); }
  int64_t panels() const { return (rows + kRows - 1) / kRows; }
  int64_t getSharedOffset() const { return panels() * panelBytes(); }
  int64_t bytes() const {
    return getSharedOffset() + (shared ? tableBytes() : 0);
  }
};

/// IR that packs a weight: writes all `layout.bytes()` bytes of `packed`. The
/// format of `weight` is a `LutFormatAttr` or, with a shared table, a
/// `CodebookFormatAttr` that has learned it.
void emitPack(KernelBuilder &k, const LutLayout &layout,
              const WeightReader &weight, mlir::Value packed);

} // namespace mpq::lut

#endif // MPQ_LIB_KERNEL_CPU_MATMULLUT_LUTLAYOUT_H
