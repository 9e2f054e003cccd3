//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of sums of activations, by the codes that they are multiplied with.
//
// A lane of a line (PackedLayout.h) is 4 bytes of one row of the weight, and half
// a byte is 4 codes of 1 bit or 2 codes of 2 bits: those of 4 or 2 steps, all of
// the same column in its step. So the 16 values that half a byte can have stand
// for 16 sums of levels times the same 4 or 2 activations. 1 bit, byte j, lower
// half:
//
//     bit            3     2     1     0
//     column       12+j   8+j   4+j    j
//
//     table[0b0000] = low  x[j] + low  x[4+j] + low x[8+j] + low x[12+j]
//     table[0b0001] = high x[j] + low  x[4+j] + low x[8+j] + low x[12+j]
//     ...
//
// A table is the 16 lanes of one register. It is made of 4 or 2 multiply-adds of a
// constant vector with one activation in all lanes, serves all rows of the
// weight, and a permutation by the codes, which needs no mask, takes the sums for
// 16 of them. (Tables of this kind are those of T-MAC, arXiv 2407.00088; there they
// are bytes, here nothing is rounded but f32 sums.)
//
// In memory, for each row: a line for each lookup, 4 (the bytes of a lane) for
// every 4 or 2 steps.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_SUMTABLES_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_SUMTABLES_H

#include "lib/Kernel/CPU/MatmulPackedF32/FloatRows.h"

namespace mpq::lookupf32 {

class SumTables {
public:
  static constexpr int64_t kEntries = 16, kIndexBits = 4;

  /// Room for the tables of `rowsAtOnce` of `rows`. A codebook is read from
  /// `packed`.
  SumTables(KernelBuilder &k, const PackedLayout &layout,
            packedf32::FloatRows &rows, mlir::Value packed,
            int64_t rowsAtOnce);

  /// Steps that an index takes codes of.
  static int64_t getSteps(const PackedLayout &layout) {
    return kIndexBits / layout.bits;
  }
  /// f32 of a row's tables, and how many rows fit into so many bytes.
  static int64_t getPitch(const PackedLayout &layout);
  static int64_t getRowsIn(const PackedLayout &layout, int64_t bytes);

  /// Makes the tables of row `row`.
  void emitRow(Index row);
  /// Those for steps [index * getSteps(), (index + 1) * getSteps()) of all
  /// groups' steps, byte `byte`.
  mlir::Value load(Index row, Index index, int64_t byte);
  /// Minus the sum of the activations of a group, an f32: for zero points, since
  /// levels are codes then.
  mlir::Value loadSum(Index row, Index group);

private:
  mlir::Value makeFactors(int64_t position, mlir::Value packed);
  /// The tables of `index`, and their sum if `sum` is not null.
  mlir::Value emitTables(Index row, Index index, mlir::Value sum);

  KernelBuilder &k;
  const PackedLayout &layout;
  packedf32::FloatRows &rows;
  int64_t pitch;
  /// What the activation of each step is multiplied with, by index.
  llvm::SmallVector<mlir::Value> factors;
  mlir::Value tables, sums;
};

} // namespace mpq::lookupf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPF32_SUMTABLES_H
