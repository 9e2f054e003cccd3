//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What sums of integer activations have in common: codes that `SignedRows` makes of a
// row, and tables of bytes.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_INTEGERSUMS_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_INTEGERSUMS_H

#include "lib/Kernel/CPU/ByteLookup/PanelSums.h"
#include "lib/Kernel/CPU/Packed/SignedRows.h"

namespace mpq::bytelookup {

class IntegerSums : public PanelSums {
public:
  /// Of `rows`, whose codes have `bits` bits and which `plain` describes. A line has
  /// a table of `entries` bytes, or two where sums need more than a byte.
  IntegerSums(KernelBuilder &k, const ByteLayout &layout, mlir::Value packed,
              const PackedLayout &plain, packed::SignedRows &rows,
              unsigned bits, int64_t entries)
      : PanelSums(k, layout, packed), plain(plain), rows(rows), bits(bits),
        entries(entries),
        bytes(mlir::VectorType::get(layout.line, k.b.getI8Type())),
        tables(k.stackBuffer(k.b.getI8Type(),
                             layout.getTableLines() * getTableBytes())) {}

  bool areIntegers() const final { return true; }
  void emitRow(const InputRow &row) final {
    rows.emitRow(row.input, row.block);
  }

protected:
  bool isSplit() const { return bits > 4; }
  int64_t getTableBytes() const { return (isSplit() ? 2 : 1) * entries; }

  const PackedLayout &plain;
  packed::SignedRows &rows;
  unsigned bits;
  int64_t entries;
  mlir::VectorType bytes; ///< a line
  mlir::Value tables;
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_INTEGERSUMS_H
