//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product by tables of sums:
//
//     for block of rows:                  as many as the tables have room for
//       tables of the rows                (SumTables.h)
//       for panel of the weight, tile of rows:
//         for block of groups, group:     (PackedLayout.h)
//           for line, half a byte:
//             index: the line, shifted    once for all rows of the tile
//             sum of the group += table[index]
//           sum += scale * sum of the group
//
// The sum of a group is one chain, in the order of the lines and within a line of
// the bytes; groups of more than 128 columns are summed in pieces of 128, and
// these added in order. Every row is summed so, whatever tile it is in.
//
// On Zen 4 shifts, permutations and additions compete for two ports, so some of
// the shifts are multiplications by 2^(16 - n), of which the upper half is taken,
// and every other addition a multiply-add with 1, which rounds the same.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_LOOPS_H

#include "lib/Kernel/CPU/MatmulLookupF32/SumTables.h"
#include "lib/Kernel/CPU/Packed/PanelLoops.h"

namespace mpq::lookupf32 {

/// What is measured, not derived.
struct Tuning {
  /// For ever more rows; the last has no bound. `prefetchLines`: not 0, the same
  /// line of the next panel is fetched.
  llvm::SmallVector<packed::TileTuning, 4> tiles;
  /// Bytes of stack for tables: half of a second-level cache, and a few lines
  /// between rows.
  static constexpr int64_t kTableBytes = 520 * 1024;
  /// Of activations that have to be copied.
  static constexpr int64_t kActivationBytes = 256 * 1024;
};
Tuning getTuning();

class LookupLoops : packed::PanelLoops {
public:
  LookupLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
              const Tuning &tuning, mlir::ValueRange operands);
  void emit();

private:
  using TileTuning = packed::TileTuning;

  /// Codes: the line that they begin in, `codes` bytes behind the beginnings of
  /// the streams, and the index of half a byte of it; the index among all.
  struct Codes {
    Index codes;
    int64_t half;
    Index index;
  };

  Values emitTile(const TileTuning &tile, const Panel &panel, const Rows &rows);
  Values emitBlock(const TileTuning &tile, const Panel &panel, const Rows &rows,
                   const Block &block, mlir::ValueRange before);
  /// The sums of a group, without its scales.
  Values emitGroup(const TileTuning &tile, const Panel &panel, const Rows &rows,
                   const Block &block, Index group);
  Values emitPiece(const TileTuning &tile, const Panel &panel, const Rows &rows,
                   const Codes &codes, int64_t steps);
  /// Adds what `halves` halves of each byte of a line look up.
  Values emitLine(const TileTuning &tile, const Panel &panel, const Rows &rows,
                  const Codes &codes, int64_t halves, mlir::ValueRange before);
  /// Bits [4 * half, ...) of each lane, and whatever is above them.
  mlir::Value emitIndex(mlir::Value line, int64_t half, bool multiplies);
  mlir::Value loadZeroPoints(const packed::StreamPart &part,
                             const Block &block, Index group);

  const Tuning &tuning;
  packedf32::FloatRows activations;
  int64_t rowsAtOnce;
  SumTables tables;
  mlir::VectorType words, reals;
  /// 2^(16 - 4 n), and 1.
  llvm::SmallVector<mlir::Value> powers;
  mlir::Value one;
};

} // namespace mpq::lookupf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_LOOPS_H
