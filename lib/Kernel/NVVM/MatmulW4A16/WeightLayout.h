//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How 4-bit weights lie in memory, so that a tensor core can eat them.
//
// 1. What the instruction wants
//
// `mma.m16n8k16` multiplies a 16 x 16 tile of activations (A) with a 16 x 8
// tile of weights (B). The 32 lanes of a warp hold B together: with g = lane / 4
// and t = lane % 4, a lane has the four weights
//
//     column g,   k = 2t, 2t + 1   (register b0)     k = 2t + 8, 2t + 9   (b1)
//
//            g =  0     1     2    ...    7
//     k =  0,1   L0    L4    L8          L28     <- b0: lane 4g + t
//          2,3   L1    L5    L9          L29
//          4,5   L2    L6    L10         L30
//          6,7   L3    L7    L11         L31
//          8,9   L0    L4    L8          L28     <- b1
//          ...
//
// 2. What a load wants
//
// 16 bytes per lane: the widest load, 512 contiguous bytes per warp. That is 32
// weights of 4 bits, the fragments of eight such tiles. We take the eight that
// lie side by side: a *slice* is 16 deep and 64 columns wide (a *panel*), and is
// stored as 32 lanes x 4 words:
//
//     word j of lane 4g + t holds columns 16j + g and 16j + 8 + g
//
// 3. What decoding wants
//
// f16 has 10 bits of mantissa, so 0x6400 | q is the number 1024 + q: one `lop3`
// ((word & 0x000f000f) | 0x64006400) makes two of them, in the two halves of a
// register, and a subtraction removes the 1024 (and the zero point). With the
// mask 0x00f000f0 it is 1024 + 16 q, and one multiply-add gives q. After a shift
// by 8 the same two masks give the other four nibbles. So the nibbles of a word
// are, from bit 0 up (c0 = 16j + g, c1 = c0 + 8):
//
//     nibble   0      1      2      3      4        5        6        7
//     column   c0     c0     c1     c1     c0       c0       c1       c1
//     k        2t     2t+8   2t     2t+8   2t+1     2t+9     2t+1     2t+9
//     mask    0f      f0     0f      f0     0f       f0       0f       f0
//     register b0     b1     b0     b1      (high halves of the same registers)
//                            \-- after >> 8
//
// 4. Groups
//
// Every group of weights with one scale is padded to a multiple of 16, so that a
// slice never holds two. The kernel computes on the *padded depth*; padding is
// multiplied by activations that are zero. For groups of 16, 32, ... padded and
// true depth are the same numbers.
//
//     g = 24, K = 60:  |0 ... 23|pad 8|24 ... 47|pad 8|48 ... 59|pad 4|   5 slices
//
// Scales are stored as f16 relative to one power of two per column, and as a
// factor of that column in f32, which is applied to the sum. So f32 scales lose
// no range, only what lies beyond 11 bits. With one scale per column there is
// nothing but the factor, and a decoded weight is a small integer: exact.
// A *scale row* has the 64 columns of a panel in the order [g][column / 8], so
// that the eight that a lane needs are 16 bytes; where there are zero points, a
// row of 1024 + zero point follows it.
//
// 5. The packed weight
//
//     slices       [panel][slice][lane][4] words
//     scale rows   [panel][group][scale, zero][8][8] f16     (either, both or none)
//     factors      [panel][64] f32
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_WEIGHTLAYOUT_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_WEIGHTLAYOUT_H

#include "dialects/MPQ/MPQ.h"

#include <optional>

namespace mpq::w4a16 {

inline constexpr int64_t kLanes = 32;
inline constexpr int64_t kSliceDepth = 16;   ///< k of one mma
inline constexpr int64_t kPanelColumns = 64; ///< of one slice
inline constexpr int64_t kBlockColumns = 8;  ///< columns of one mma
inline constexpr int64_t kPanelBlocks = kPanelColumns / kBlockColumns;
inline constexpr int64_t kWordsPerLane = 4;
inline constexpr int64_t kNibblesPerWord = 8;
inline constexpr int64_t kSliceBytes = kLanes * kWordsPerLane * 4;
inline constexpr int64_t kScaleRowBytes = kPanelColumns * 2;
/// 1024 in f16: the exponent that makes the low bits integers.
inline constexpr int64_t kMagic = 0x6400;

/// The place of a nibble in its slice: k is 2 * (lane % 4) plus this ...
constexpr int64_t nibbleDepth(int64_t nibble) {
  return nibble / 4 + 8 * (nibble % 2);
}
/// ... and the column is lane / 4 plus this.
constexpr int64_t nibbleColumn(int64_t word, int64_t nibble) {
  return 16 * word + 8 * (nibble % 4 / 2);
}

/// The packed layout of one weight of `columns` rows (output channels: columns
/// of the result) and `depth` (K), with one scale for `group` weights of a row.
/// Codes are levels plus `zero`, or where that is absent, plus the zero points
/// in the scale rows.
struct WeightLayout {
  WeightLayout(int64_t columns, int64_t depth, int64_t group,
               std::optional<int64_t> zero)
      : columns(columns), depth(depth), group(std::min(group, depth)),
        groups(llvm::divideCeil(depth, this->group)),
        paddedGroup(llvm::alignTo(this->group, kSliceDepth)),
        panels(llvm::divideCeil(columns, kPanelColumns)),
        slices(((groups - 1) * paddedGroup +
                llvm::alignTo(depth - (groups - 1) * this->group, kSliceDepth)) /
               kSliceDepth),
        hasScale(groups > 1), hasZero(!zero), zero(zero.value_or(0)) {}

  int64_t columns, depth;
  int64_t group, groups, paddedGroup;
  int64_t panels, slices;
  bool hasScale, hasZero;
  int64_t zero;

  /// Whether k is the same in the padded depth.
  bool isIdentity() const { return groups == 1 || group == paddedGroup; }

  /// Rows of f16 per group and panel: scale, zero point.
  int64_t rowsPerGroup() const { return int64_t(hasScale) + int64_t(hasZero); }
  int64_t groupBytes() const { return rowsPerGroup() * kScaleRowBytes; }
  /// Where the zero points of a group begin.
  int64_t zeroOffset() const { return hasScale ? kScaleRowBytes : 0; }

  int64_t panelBytes() const { return slices * kSliceBytes; }
  int64_t scalesStart() const { return panels * panelBytes(); }
  int64_t panelScaleBytes() const { return groups * groupBytes(); }
  int64_t factorsStart() const {
    return scalesStart() + panels * panelScaleBytes();
  }
  int64_t bytes() const {
    return factorsStart() + panels * kPanelColumns * int64_t(sizeof(float));
  }
};

/// The layout for a weight stored in `format`, whose codes have at most 4 bits.
inline WeightLayout getWeightLayout(int64_t columns, int64_t depth,
                                    FormatAttrInterface format) {
  auto [smallest, largest] = format.getLevelRange();
  std::optional<int64_t> zero;
  if (largest - smallest < 16)
    zero = -smallest;
  return {columns, depth, format.getIntegerGroup(depth), zero};
}

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_WEIGHTLAYOUT_H
