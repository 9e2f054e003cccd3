//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the loops of a matrix product on packed codes (Loops.h) leave to the kind
// of kernel: what becomes of the codes of a row of activations, and the integer
// sums of a register tile.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILESUMS_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILESUMS_H

#include "lib/Kernel/CPU/Packed/Factors.h"
#include "lib/Kernel/CPU/Packed/SignedRows.h"

namespace mpq::packed {

class TileSums {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  TileSums(KernelBuilder &k, const PackedLayout &layout, mlir::Value packed,
           SignedRows &activations)
      : k(k), layout(layout), packed(packed), activations(activations) {}
  virtual ~TileSums() = default;

  /// Rows of the weight in one vector.
  virtual int64_t lanes() const = 0;

  /// Row `from` of the input becomes row `to` of the scratch.
  virtual void emitRow(Index from, Index to) { activations.emitRow(from, to); }

  /// Adds a group to `start` (row by row, vector by vector), which is shifted as
  /// the sums in `activations` are. The codes begin `codes` bytes behind the
  /// beginning of each stream, at step `cellStep` of a cell; the activations are
  /// those of `rows` rows of the scratch from `firstRow` on, from step `step` on.
  virtual Values emitGroup(llvm::ArrayRef<StreamPart> parts, Index codes,
                           int64_t cellStep, Index firstRow, int64_t rows,
                           Index step, Values start, int64_t prefetchLines,
                           int64_t locality) = 0;

  /// Fetches what lies `ahead` lines behind line `line` of the lines that begin
  /// `codes` bytes behind the beginning of the stream of `part`; 0: nothing.
  void fetchAhead(const StreamPart &part, Index codes, int64_t line,
                  int64_t ahead, int64_t locality);

protected:
  /// The rows of `part` in line `line` of the lines that begin `codes` bytes
  /// behind the beginning of its stream.
  mlir::Value loadLine(const StreamPart &part, Index codes, int64_t line);
  /// `fetchAhead` for the lines of `steps` steps of codes.
  void fetchAhead(llvm::ArrayRef<StreamPart> parts, Index codes,
                  int64_t cellStep, int64_t steps, int64_t ahead,
                  int64_t locality);
  /// The elements of `a` and `b` added.
  Values add(mlir::ValueRange a, mlir::ValueRange b);

  KernelBuilder &k;
  const PackedLayout &layout;
  mlir::Value packed;
  SignedRows &activations;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILESUMS_H
