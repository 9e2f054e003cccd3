//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exact sums of codes of 1 bit times signed 8-bit activations, by vpshufb.
//
// Half of a byte (ByteLayout.h) is one of 16 sums of four activations, and vpshufb looks
// up one for each byte of a vector. A sum of four 8-bit activations has 10 bits, so there
// are two tables, of the lower and of the upper 4 bits, which are signed:
//
//     a = 16 h + l      0 <= l <= 15,  -8 <= h <= 7
//     sums of 4:        0 <= l <= 60,   0 <= h + 32 <= 60
//
// What both halves of the bytes of two lines look up, four of each, is at most 240 and
// added up as bytes; then it becomes 16-bit sums (WordSums.h), of l and of h, up to 546
// lines. Their sum is sum l + 16 sum h, with what was added to h taken off.
//
// Activations of up to 4 bits have sums of -32 to 28 and one table.
//
// With S the sum of the activations where the code is 1, levels of -1 and 1 have the sum
// 2 S less the sum of all activations (`finish`).
//
// In memory, for each line: 16 l for the lower halves of its bytes, for the upper halves,
// 16 h for the lower ones, for the upper ones.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPPSHUFB_NIBBLESUMS_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPPSHUFB_NIBBLESUMS_H

#include "lib/Kernel/CPU/ByteLookup/IntegerSums.h"
#include "lib/Kernel/CPU/ByteLookup/WordSums.h"

namespace mpq::lookuppshufb {

class NibbleSums final : public bytelookup::IntegerSums {
public:
  NibbleSums(KernelBuilder &k, const bytelookup::ByteLayout &layout,
             mlir::Value packed, const PackedLayout &plain,
             packed::SignedRows &rows, unsigned bits);

  void emitTables(const bytelookup::InputRow &row,
                  const bytelookup::Piece &piece) override;
  Values emitGroup(Index at, Index firstLine) override;
  mlir::Value finish(const bytelookup::InputRow &row, Index group,
                     mlir::Value sum) override;

private:
  /// Bytes of the tables of both halves, and what is added to signed sums.
  static constexpr int64_t kTable = 32, kOffset = 32;
  /// Sums of a stream: of l, or of all, and of h.
  struct Sums {
    bytelookup::WordSums lower, upper;
  };

  /// 16 sums of activations 0 ... 3 of the first 16 bytes, and of 4 ... 7 of the
  /// others, plus `offset`.
  mlir::Value emitEntries(mlir::Value activations, int64_t offset);
  /// vpshufb, of vectors of 32 or 64 bytes.
  mlir::Value shuffle(mlir::Value table, mlir::Value index);
  /// What both indices find in the tables at `table`.
  mlir::Value lookUp(mlir::Value lower, mlir::Value upper, Index table);
  /// Adds lines `line` and, if `count` is 2, the next one.
  void addLines(Sums &sums, Index at, int64_t line, int64_t count,
                int64_t stream, Index table);

  mlir::VectorType dwords;
};

} // namespace mpq::lookuppshufb

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPPSHUFB_NIBBLESUMS_H
