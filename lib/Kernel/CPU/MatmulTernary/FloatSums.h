//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sums of ternary levels times f32 activations, or what becomes f32.
//
// A table of 243 sums would take 16 registers, tables of three and of two columns,
// of 27 and of 9 sums, take three:
//
//     sum d_i x_i  =  first[v % 27] + second[v / 27]
//
// So a byte (ByteLayout.h) first becomes two indices, by two tables of 256 bytes
// that are constants, each two vpermi2b and a choice. Then the 16 rows whose bytes are
// byte j of the lanes are looked up as lanes, by vpermi2ps and vpermps: the index,
// shifted by 8 j, needs no mask, since these read its lowest 5 and 4 bits.
//
// A group, or a part of one, is summed as a chain, line after line, the three columns
// before the two: in the same way for every row.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULTERNARY_FLOATSUMS_H
#define MPQ_LIB_KERNEL_CPU_MATMULTERNARY_FLOATSUMS_H

#include "lib/Kernel/CPU/MatmulTernary/Line.h"

namespace mpq::ternary {

class FloatSums final : public bytelookup::PanelSums {
public:
  FloatSums(KernelBuilder &k, const bytelookup::ByteLayout &layout,
            mlir::Value packed, mlir::Value input);

  bool areIntegers() const override { return false; }
  void emitRow(const bytelookup::InputRow &) override {}
  void emitTables(const bytelookup::InputRow &row,
                  const bytelookup::Piece &piece) override;
  Values emitGroup(Index at, Index firstLine) override;

private:
  /// Columns of the first table, and f32 of all tables of a line: 2 and 1 vectors.
  static constexpr int64_t kFirst = 3, kTableFloats = 3 * kLanes;

  /// `kLanes` sums of a few activations, each in all lanes, entries from `entry` on.
  mlir::Value emitEntries(llvm::ArrayRef<mlir::Value> activations,
                          int64_t entry);
  /// By byte: the digits [first, end), as a number.
  std::array<mlir::Value, 4> makeIndices(int64_t first, int64_t end);
  /// Adds line `line` of the piece, which lies `at`.
  void addLine(Index at, Index line, Values &sums);
  mlir::Value lookUp(mlir::Value line, mlir::Value mirrored,
                     const std::array<mlir::Value, 4> &indices);

  mlir::Value input;
  mlir::VectorType bytes, dwords, reals;
  std::array<mlir::Value, 4> firstIndices, secondIndices;
  mlir::Value tables;
};

} // namespace mpq::ternary

#endif // MPQ_LIB_KERNEL_CPU_MATMULTERNARY_FLOATSUMS_H
