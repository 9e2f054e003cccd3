//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of exact sums of 4 signed 8-bit activations, by 4 weights of 1 bit, and
// their look-up by bytes.
//
// A lane of a line (PackedLayout.h) is 4 bytes with 32 weights of one row: bit s of
// byte j is that of column 4 s + j. So half of byte j takes the activations of
// columns j, 4 + j, 8 + j and 12 + j (the upper half: 16 more), and the 4 bytes of
// a lane want 4 tables of 16. They are one register, and
//
//     index = (byte & 15) | j << 4
//
// finds in it, for all 64 bytes of a line at once, the sum that belongs to each
// (vpermb). The 4 sums of a lane are of the same row: vpdpbusd adds them up in 32
// bits, with 1 as the other operand.
//
// A sum of 4 such activations takes 10 bits. So there are two tables: one of the
// lower 4 bits of the activations, one of the upper 4 bits, signed:
//
//     a = 16 h + l      0 <= l <= 15,  -8 <= h <= 7
//     sums of 8:        0 <= l <= 120, -64 <= h <= 56      bytes, signed
//     sum a = 1 * sum l + 16 * sum h                       both by vpdpbusd
//
// and two lookups, of the lower and the upper half of each byte, are added as
// bytes before. For 512 weights that is 3 instructions for indices, 4 lookups, 2
// additions and 2 dot products; 8 masks and 8 dot products otherwise.
//
// In memory: for every 16 columns a line of sums of l, and one of sums of h.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H

#include "lib/Kernel/CPU/Packed/SignedRows.h"

#include <array>

namespace mpq::lookupint8 {

class ByteTables {
public:
  /// Steps that an index takes codes of; bytes of their tables.
  static constexpr int64_t kSteps = 4, kBytes = 2 * PackedLayout::kLine;

  /// Room for the tables of `rowsAtOnce` of `rows`.
  ByteTables(KernelBuilder &k, const PackedLayout &layout,
             packed::SignedRows &rows, int64_t rowsAtOnce);

  /// Bytes of a row's tables.
  static int64_t getPitch(const PackedLayout &layout);
  /// Makes the tables of row `row`.
  void emitRow(Index row);

  /// Both indices of all bytes of a line, lower halves first.
  std::array<mlir::Value, 2> getIndices(mlir::Value line);
  /// Sums of products in the making, 16 x i32 each; what they are is their sum.
  struct Sums {
    mlir::Value lower, upper;
  };
  /// Adds what indices (of lower and upper halves; null: none) find in the tables
  /// of row `row`, those of the first index for steps from `step` on.
  void add(Sums &sums, Index row, Index step,
           std::array<mlir::Value, 2> indices);

private:
  mlir::Value emitTable(mlir::Value activations);
  mlir::Value lookUp(mlir::Value index, Index at);
  mlir::Value dot(mlir::Value sum, mlir::Value factor, mlir::Value found);

  KernelBuilder &k;
  const PackedLayout &layout;
  packed::SignedRows &rows;
  int64_t pitch;
  mlir::VectorType bytes, words;
  mlir::Value tables;
};

} // namespace mpq::lookupint8

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H
