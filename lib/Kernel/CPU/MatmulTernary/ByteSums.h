//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exact sums of ternary levels times signed 8-bit activations, by bytes.
//
// The sum S of five activations, each times -1, 0 or 1, is -640 to 640. It is kept
// in two bytes, a lower and an upper one,
//
//     S + 1016 = l + 127 u        0 <= l <= 127,   2 <= u <= 13
//
// each in a table of 128 entries (ByteLayout.h), which one vpermi2b reads for all
// 64 bytes of a line. The opposite sum has the bytes
//
//    -S + 1016 = (127 - l) + 127 (15 - u)
//
// so one masked subtraction from a constant turns each of them over.
//
// Bytes are added up as far as they go: two l, up to 254, and 19 u, up to 247. Then
// they become 16-bit sums (WordSums.h). The constants 1016 are taken off at the start,
// and what is then between -640 n and 640 n after n lines fits 16 bits up to 51 of them.
//
// Activations of up to 4 bits have sums of -40 to 40, for which one table will do:
// l = S + 64.
//
// For 320 weights: 2 lookups, 1 comparison, 2 subtractions, and 4 instructions and a
// fraction to add up; decoding digits and dot products would take 17.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULTERNARY_BYTESUMS_H
#define MPQ_LIB_KERNEL_CPU_MATMULTERNARY_BYTESUMS_H

#include "lib/Kernel/CPU/ByteLookup/IntegerSums.h"
#include "lib/Kernel/CPU/ByteLookup/WordSums.h"
#include "lib/Kernel/CPU/MatmulTernary/Line.h"

namespace mpq::ternary {

class ByteSums final : public bytelookup::IntegerSums {
public:
  ByteSums(KernelBuilder &k, const bytelookup::ByteLayout &layout,
           mlir::Value packed, const PackedLayout &plain,
           packed::SignedRows &rows, unsigned bits);

  void emitTables(const bytelookup::InputRow &row,
                  const bytelookup::Piece &piece) override;
  Values emitGroup(Index at, Index firstLine) override;

private:
  static constexpr int64_t kEntries = 128;
  /// 16-bit sums in the making, of the 64 rows of a stream, and bytes that are not in
  /// them yet: one l, or nothing, and the sum of some u.
  struct Sums {
    bytelookup::WordSums words;
    mlir::Value lower, upper;
  };

  /// S + this is what is in the tables.
  int64_t getOffset() const { return isSplit() ? 1016 : 64; }

  /// 32 sums of five activations, the entries from `first` on.
  mlir::Value emitEntries(mlir::Value activations, int64_t first);
  mlir::Value lookUp(mlir::Value index, Index table);
  /// `most` - bytes where `mirrored`.
  mlir::Value turnOver(mlir::Value bytes, mlir::Value mirrored,
                       mlir::Value most);
  mlir::Value add(mlir::Value a, mlir::Value b);
  void addLine(Sums &sums, mlir::Value line, Index table);
  /// Adds what waits to the 16-bit sums.
  void addLower(Sums &sums);
  void addUpper(Sums &sums);

  mlir::VectorType words;
  /// The bytes of a sum and of the opposite one together.
  mlir::Value mostLower, mostUpper;
};

} // namespace mpq::ternary

#endif // MPQ_LIB_KERNEL_CPU_MATMULTERNARY_BYTESUMS_H
