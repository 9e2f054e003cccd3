//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where each bit of a packed weight lies: what `#mpq.packed<...>` means. The code
// that packs and the kernels that read derive everything from here.
//
// Kernels multiply 16 rows of the weight with 4 columns at a time: a *step*.
// Its codes, one in each byte of a line of 64 bytes,
//
//     byte          0   1   2   3 |  4   5   6   7 | ... | 60  61  62  63
//     row, column  0,0 0,1 0,2 0,3| 1,0 1,1 1,2 1,3| ... |15,0 ...    15,3
//
// are the operand of a dot product instruction. Codes of fewer than 8 bits share
// a line: all 64 bytes are divided alike, so that a mask gives a whole step, and
// neither a byte nor a lane ever has to move.
//
// A *cell* is the smallest number of whole lines that holds whole steps:
//
//     bits     1   2   3   4   5   6   7   8
//     lines    1   1   3   1   5   3   7   1
//     steps    8   4   8   2   8   4   8   1
//
// First each line gets as many steps as fit, low bits first. What is left at the
// top of the lines is, one line after the other, a string of bits that holds the
// other steps. For 3 bits, steps a ... h:
//
//     bit       7 6   5 4 3   2 1 0
//     line 0   |g g | b b b | a a a|        g: bits 0, 1
//     line 1   |h g | d d d | c c c|        g: bit 2; h: bit 0
//     line 2   |h h | f f f | e e e|        h: bits 1, 2
//
// Steps a to f are the line and a mask: the codes, or 8 times the codes, which is
// as good, since the *sum* can be shifted. Steps g and h are put together from
// two pieces. For 4 bits a cell is `|b b b b | a a a a|`, and there are no pieces.
//
// Groups of columns that share a scale begin at a step. A group of columns that
// is no multiple of 4 has zeros in its last step; and if a cell has more than one
// step, a group is a power of two of steps or whole cells, so that no group
// begins anywhere but at the first step of a cell or at one whose number all
// cells share.
//
// *Planes*, for kernels that count bits: a cell has 8 steps, 32 columns, for any
// number of bits, and line i has bit i of their codes. Step s is bit s of every
// byte, so a dword of the line is one bit of 32 columns of a row, in this order:
//
//     bit of the dword    0   1   2  ...   7 |  8   9  ...  15 | ... | 24 ...  31
//     column of the cell  0   4   8  ...  28 |  1   5  ...  29 | ... |  3 ...  31
//
// 1 bit is laid out alike either way. Groups, blocks and factors are those of any
// other cell of 8 steps.
//
// 16 rows are one linear stream, in the order of use:
//
//     several groups:   [f32 x 16: sums of the rows' weights]
//                       blocks of groups: [lines of all their codes]
//                                         [scales, 16 rows, group by group]
//                                         [zero points, bytes, likewise]
//                       the last block has what groups are left
//     one group:        [lines of the codes]
//                       [f32 x 16: scales]
//                       [i32 x 16: zero points]       (if there are any)
//                       [i32 x 16: sums of the rows' levels]
//
// each part starting at a line, and behind all streams the table, if codes are
// those of one. A table needs no sums: only integer kernels want them. Tables
// of fewer than 16 entries repeat up to 16, so that what is above a code may
// stay in an index of 4 bits. A block has the cells of as many groups as fill
// lines with their scales. The sums are for the zero points of activations:
//
//     sum w (a - z) = sum w a  -  z sum w
//
// Levels that are integers but not evenly spaced (`levels`) leave their codes in
// the lines, and kernels look the levels up, above the smallest, which is `low`.
//
// Rows may be cut into *chunks* of columns, whole blocks or cells. Then all
// streams of the first chunk lie together, then those of the second, and behind
// the last what a stream has at its beginning or its end otherwise:
//
//     [chunk 0: stream 0, stream 1, ...][chunk 1: stream 0, ...] ...
//     [factors and sums of stream 0, of stream 1, ...]
//
// Kernels that have a table for each few columns go through the weight chunk by
// chunk, so that the tables of one fit the first-level cache, and still read
// memory from its beginning to its end.
//
// Example: 4096 x 4096, 4 bits, f16 scales for groups of 32. A group is 8 steps,
// 4 lines; its scales are 32 bytes, so a block is 2 groups and 9 lines (576 bytes
// for 16 x 64 weights: 4.5 bits each). Row 17, column 45 is row 1 of stream 1,
// group 1, step (45 - 32) / 4 = 3 of it, step 11 of the block: the upper half of
// the bytes of line 5, which is line 6 of the stream; byte 1 * 4 + 45 % 4 = 5 of
// it.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_PACKEDLAYOUT_H
#define MPQ_KERNEL_PACKEDLAYOUT_H

#include "dialects/MPQ/Packed/Packed.h"

#include "llvm/ADT/SmallVector.h"

namespace mpq {

class PackedLayout {
public:
  /// Rows and columns of a step, bytes of a line.
  static constexpr int64_t kRows = 16, kColumns = 4, kLine = kRows * kColumns;

  /// `width` bits of the codes of a step: bits [shift, shift + width) of each
  /// code are bits [bit, bit + width) of the bytes of line `line` of the cell.
  struct Piece {
    int64_t line;
    unsigned bit, width, shift;
  };

  explicit PackedLayout(PackedAttr attr);

  /// The layout for a weight that is stored as integer levels times scales, or
  /// null, with the reason, if it has none. `looksUp`: kernels find levels of 16
  /// codes, so that the codes of a codebook need not count the levels between.
  static PackedAttr get(StoredTensorType weight, std::string &reason,
                        bool looksUp = false);
  /// The layout for kernels that multiply floats: the same, but a format with a
  /// table keeps its codes and has the table.
  static PackedAttr getForFloats(StoredTensorType weight, std::string &reason);
  /// The layout of `get`, in planes.
  static PackedAttr getPlanes(StoredTensorType weight, std::string &reason);

  int64_t rows, k;
  unsigned bits;
  /// Without zero points: between levels, and the level of the code 0.
  int64_t step, low;
  bool zeroPoints;
  /// Codes index a table.
  bool table;
  /// Codes index these levels, if there are any.
  llvm::ArrayRef<int32_t> levels;
  /// Each line of a cell has one bit of its codes.
  bool planes;

  //===--- Cells ----------------------------------------------------------===//
  int64_t cellLines, cellSteps;
  /// The pieces of step `step` of a cell, low bits of the code first.
  llvm::SmallVector<Piece> getPieces(int64_t step) const;

  //===--- Along a row ----------------------------------------------------===//
  int64_t groups;
  /// Columns of a group, the last one but for its end, and its steps with padding.
  int64_t groupColumns, groupSteps;
  /// Groups in a block, blocks that are full, groups in the last one.
  int64_t blockGroups, fullBlocks, lastGroups;
  bool isGrouped() const { return groups > 1; }
  /// Columns of group `group` that are columns of the weight.
  int64_t getColumns(int64_t group) const;

  //===--- Bytes ----------------------------------------------------------===//
  /// Of a scale in the stream.
  int64_t scaleBytes;
  /// Of the codes of `groups` groups of a block, and of all of it.
  int64_t getCodeBytes(int64_t groups) const;
  int64_t getBlockBytes(int64_t groups) const;
  /// Before the first block of a stream, or its first line: offsets in a stream
  /// count from there.
  int64_t getHeadBytes() const { return hasSumsInFront() ? kLine : 0; }
  /// From the start of a block of `groups` groups.
  int64_t getScaleOffset(int64_t groups, int64_t group) const {
    return getCodeBytes(groups) + group * kRows * scaleBytes;
  }
  int64_t getZeroPointOffset(int64_t groups, int64_t group) const {
    return getScaleOffset(groups, groups) + group * kRows;
  }
  /// What lies behind the last block.
  int64_t getFactorsOffset() const {
    return fullBlocks * getBlockBytes(blockGroups) + getBlockBytes(lastGroups);
  }
  /// From there, with one group.
  static constexpr int64_t kScales = 0, kZeroPoints = kLine;
  int64_t getSumsOffset() const {
    return hasSumsInFront() ? -getHeadBytes()
                            : getFactorsOffset() + getFactorBytes();
  }
  int64_t streamBytes() const {
    return getFactorsOffset() + getFactorBytes() + (table ? 0 : kLine);
  }
  int64_t streams() const { return (rows + kRows - 1) / kRows; }

  //===--- Chunks ---------------------------------------------------------===//
  /// How many there are; columns and steps of all but the last. One chunk: rows
  /// are not cut, and what is above holds. Several: offsets above are relative to
  /// the following ones.
  int64_t chunks, chunkColumns, chunkSteps;
  /// Bytes between the streams of a chunk, and between chunks. The last chunk's
  /// streams are as long as what is left.
  int64_t getStreamPitch(bool isLast) const;
  int64_t getChunkPitch() const { return streams() * getStreamPitch(false); }
  /// From the start of the weight to what stream `stream` has behind its last
  /// block, or would have there, is `getFactorsStart() + stream * getFactorsPitch()`.
  int64_t getFactorsStart() const;
  int64_t getFactorsPitch() const {
    return chunks == 1 ? streamBytes() : streamBytes() - getFactorsOffset();
  }

  /// Of the table: where it begins, and how many f32 it has.
  int64_t getTableOffset() const { return streams() * streamBytes(); }
  int64_t getTableEntries() const {
    return table ? std::max<int64_t>(kRows, int64_t(1) << bits) : 0;
  }
  int64_t bytes() const { return getTableOffset() + 4 * getTableEntries(); }

  /// The byte of the codes in which a piece of the code at (row, column) lies.
  int64_t locate(int64_t row, int64_t column, const Piece &piece) const;
  /// The step of the cell that has this column.
  int64_t getCellStep(int64_t column) const;

private:
  /// Sums of several groups start at those of the weights: a kernel that reads
  /// them first reads a stream in order.
  bool hasSumsInFront() const { return isGrouped() && chunks == 1 && !table; }
  /// Of the scales and zero points of one group.
  int64_t getFactorBytes() const {
    return isGrouped() ? 0 : zeroPoints ? 2 * kLine : kLine;
  }
  /// Of whole blocks, or cells, of so many steps.
  int64_t getStepBytes(int64_t steps) const;
  /// Of this column: its step within its block.
  int64_t getBlockStep(int64_t column) const;
};

} // namespace mpq

#endif // MPQ_KERNEL_PACKEDLAYOUT_H
