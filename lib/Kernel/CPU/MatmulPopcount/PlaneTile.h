//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The integer sums of a register tile by counting bits: with planes c_i of the
// weight's codes and a_j of the activations' (PlaneRows.h),
//
//     sum over columns of c a  =  sum over i, j of +-2^(i+j) popcount(c_i & a_j)
//
// the sign being that of plane j. Products of one i + j have one sum; these are
// put together at the end of a group. Every line is read once, and in order.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANETILE_H
#define MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANETILE_H

#include "lib/Kernel/CPU/MatmulPacked/TileSums.h"
#include "lib/Kernel/CPU/MatmulPopcount/BitCounts.h"
#include "lib/Kernel/CPU/MatmulPopcount/PlaneRows.h"
#include "lib/Kernel/CPU/MatmulPopcount/Tuning.h"

namespace mpq::popcount {

class PlaneTile final : public packed::TileSums {
public:
  PlaneTile(KernelBuilder &k, const PackedLayout &layout, const Tuning &tuning,
            mlir::Value packed, packed::SignedRows &codes, PlaneRows &planes)
      : TileSums(k, layout, packed, codes), tuning(tuning), planes(planes),
        counts(k, tuning.lanes, tuning.countsDwords) {}

  int64_t lanes() const override { return tuning.lanes; }
  void emitRow(Index from, Index to) override { planes.emitRow(from, to); }
  Values emitGroup(llvm::ArrayRef<packed::StreamPart> parts, Index codes,
                   int64_t cellStep, Index firstRow, int64_t rows, Index step,
                   Values start, int64_t prefetchLines,
                   int64_t locality) override;

private:
  /// Where the tile reads: lines of the weight, cells of the activations.
  struct Source {
    llvm::ArrayRef<packed::StreamPart> parts;
    Index codes;
    Index firstRow;
    int64_t rows;
    Index cell;
  };

  /// i + j from 0 on.
  int64_t getWeights() const { return layout.bits + planes.bits - 1; }
  /// Adds `cells` cells to the sums of the tile for each i + j, one behind the
  /// other.
  Values emitCells(const Source &source, int64_t cells, mlir::ValueRange sums);
  /// Adds the products of line `line` of a cell and plane `plane`.
  void emitPlane(const Source &source, int64_t cell,
                 llvm::ArrayRef<mlir::Value> lines, int64_t plane,
                 llvm::MutableArrayRef<Count> sums);
  Values loadLines(const Source &source, int64_t cell, int64_t line);

  const Tuning &tuning;
  PlaneRows &planes;
  BitCounts counts;
};

} // namespace mpq::popcount

#endif // MPQ_LIB_KERNEL_CPU_MATMULPOPCOUNT_PLANETILE_H
