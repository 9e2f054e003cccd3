//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of activations as bit planes. A row is quantized to signed codes
// (SignedRows.h); the planes are bits of these, in two's complement:
//
//     a = x - 2^(b-1) = sum over j < b-1 of 2^j a_j  -  2^(b-1) a_(b-1)
//
// Bit j of 32 columns is a dword, in the order of the columns in the lines of a
// weight in planes (PackedLayout.h). In memory, for each row: group by group, cell
// by cell, the `bits` dwords of a cell. Where several groups of the weight share a
// cell, each has a cell of its own here, with zeros in the place of the others.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANEROWS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANEROWS_H

#include "lib/Kernel/CPU/Packed/SignedRows.h"

namespace mpq::popcount {

class PlaneRows {
public:
  /// Room for `rowsAtOnce` rows of codes of `bits` bits. `codes` keeps one row.
  PlaneRows(KernelBuilder &k, const PackedLayout &layout, int64_t bits,
            int64_t rowsAtOnce, packed::SignedRows &codes);

  /// Row `from` of the input becomes row `to`.
  void emitRow(Index from, Index to);

  /// How many rows fit into so many bytes.
  static int64_t getRowsIn(const PackedLayout &layout, int64_t bits,
                           int64_t bytes);
  /// Cells that a group has here, and steps of the weight in each.
  static int64_t getGroupCells(const PackedLayout &layout);
  static int64_t getCellSteps(const PackedLayout &layout);

  /// Bit `plane` of the codes of a cell, an i32.
  mlir::Value load(Index row, Index cell, int64_t plane);

  const int64_t bits;

private:
  static int64_t getPitch(const PackedLayout &layout, int64_t bits);
  /// Writes the cells from cell `cell` of the weight on.
  void emitCells(Index cell, Index to, int64_t count);

  KernelBuilder &k;
  const PackedLayout &layout;
  packed::SignedRows &codes;
  mlir::Value dwords;
};

} // namespace mpq::popcount

#endif // MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANEROWS_H
