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
//     sums of 16:       0 <= l <= 240                      bytes, unsigned
//                       -128 <= h <= 112                   bytes, signed
//     sum a = 1 * sum l + 16 * sum h                       both by vpdpbusd
//
// and up to four lookups, of the lower and the upper halves of the bytes of two
// lines, are added as bytes before. For 1024 weights that is 6 instructions for
// indices, 8 lookups, 6 additions and 2 dot products; 16 masks and 16 dot products
// otherwise. Lookups and dot products share a port, additions go to any. Where
// levels are two apart, the factors are 2 and 32.
//
// Of activations of up to 4 bits, -8 to 7, sixteen have sums of -128 to 112: the sums
// themselves are bytes, and one table, one lookup and one dot product do.
//
// In memory: for every 16 columns a line of sums of l, and one of sums of h, or one.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H

#include "lib/Kernel/CPU/Packed/SignedRows.h"

#include <array>

namespace mpq::lookupint8 {

class ByteTables {
public:
  /// Steps that an index takes codes of.
  static constexpr int64_t kSteps = 4;

  /// Room for the tables of `rowsAtOnce` of `rows`, of `bits` bits.
  ByteTables(KernelBuilder &k, const PackedLayout &layout,
             packed::SignedRows &rows, int64_t rowsAtOnce, unsigned bits);

  /// Bytes of the tables of a row of activations of `bits` bits.
  static int64_t getPitch(const PackedLayout &layout, unsigned bits);
  /// Makes the tables of row `row`.
  void emitRow(Index row);

  /// Both indices of all bytes of a line, lower halves first.
  std::array<mlir::Value, 2> getIndices(mlir::Value line);
  /// Sums of products in the making, 16 x i32 each; what they are is their sum.
  struct Sums {
    mlir::Value lower, upper;
  };
  /// Indices of which what they find may be added as bytes.
  static constexpr int64_t kMostAdded = 4;
  /// Adds what up to `kMostAdded` indices find in the tables of row `row`, each for
  /// the `kSteps` steps behind those of the one before, from `step` on; times the
  /// distance between levels.
  void add(Sums &sums, Index row, Index step,
           llvm::ArrayRef<mlir::Value> indices);

private:
  static bool isSplit(unsigned bits) { return bits > 4; }
  bool isSplit() const { return isSplit(bits); }
  /// Bytes of the tables of `kSteps` steps.
  static int64_t getBytes(unsigned bits) {
    return (isSplit(bits) ? 2 : 1) * PackedLayout::kLine;
  }
  mlir::Value emitTable(mlir::Value activations);
  mlir::Value lookUp(mlir::Value index, Index at);
  mlir::Value dot(mlir::Value sum, mlir::Value found, mlir::Value factor,
                  bool isSigned);

  KernelBuilder &k;
  const PackedLayout &layout;
  packed::SignedRows &rows;
  unsigned bits;
  int64_t pitch;
  mlir::VectorType bytes, words;
  mlir::Value tables;
};

} // namespace mpq::lookupint8

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_BYTETABLES_H
