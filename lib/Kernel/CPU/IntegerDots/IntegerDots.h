//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations in 8 bits: sums of u8 times s8, exact on every
// CPU, and the operands packed for them.
//
// A lane of 32 bits holds four codes that follow each other along the sum, and
// one step adds their products to an i32:
//
//     a   a0 a1 a2 a3 | ...      sums  s | ...      s += a0 b0 + ... + a3 b3
//     b   b0 b1 b2 b3 | ...
//
//   VNNI (zmm; ymm with AVX-VNNI or AVX-512 VL)   vpdpbusd
//   AVX2 (ymm)    vpmaddwd of the even and of the odd bytes, widened to 16 bits
//                 (vpmaddubsw, on bytes, saturates: 2 * 255 * 127 > 32767)
//   otherwise     products of 32 bits, byte by byte
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_INTEGERDOTS_INTEGERDOTS_H
#define MPQ_LIB_KERNEL_CPU_INTEGERDOTS_INTEGERDOTS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::integer {

/// Codes that one lane holds.
constexpr int64_t kStep = 4;

/// i32 lanes of the longest vector with a sum of products, of the target's
/// vectors where it has none.
int64_t getLanes(const KernelTarget &target);

/// Whether there are instructions for sums of products.
bool hasDots(const KernelTarget &target);

/// `sums` + the four products of each lane; all are vectors of i32, of any
/// number of lanes that is a power of two.
mlir::Value emitDot(KernelBuilder &k, mlir::Value sums, mlir::Value unsignedCodes,
                    mlir::Value signedCodes);

/// Four codes (vectors of i32, or scalars) of each lane in its four bytes, the
/// first lowest. Of codes with a sign the upper bits are cut off.
mlir::Value packCodes(KernelBuilder &k, llvm::ArrayRef<mlir::Value> codes,
                      bool isSigned);

/// Rows of f32 as codes in columns: lane r of step d holds elements 4d ... 4d+3
/// of row r.
///
///     codes [steps][pitch]     scales [pitch]     sums [pitch]
struct PackedRows {
  /// Buffers of i32, f32 and i32; `sums` (null: none) are those of a row's
  /// codes, times -128.
  mlir::Value codes, scales, sums;
  int64_t pitch;
  /// Codes are u8, 128 more than those with a sign.
  bool isBiased;
};

/// Packs `lanes` rows of `depth` elements, which begin at `starts` in
/// `buffer`, into lanes from `column` on. Their scales are multiplied with
/// `factor`. `strip` is a buffer of `lanes` f32 for each element, and for those
/// of one step more.
void packRows(KernelBuilder &k, mlir::Value buffer,
              llvm::ArrayRef<Index> starts, Index depth, double factor,
              const PackedRows &to, Index column, mlir::Value strip);

} // namespace mpq::integer

#endif // MPQ_LIB_KERNEL_CPU_INTEGERDOTS_INTEGERDOTS_H
