//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The integer sums of a register tile: rows of activations times vectors of
// rows of the weight, over a few steps.
//
// A step's codes come out of their line by a mask where they are, and are then
// 2^s times the codes, s the position. (A shift of bytes is two instructions,
// and on Zen 4 competes with the dot product for a port.) The sum of such steps
// is 2^s times too large, and one shift puts that right for all of them:
//
//     4 bits:   for steps in the upper halves:  sum += (line & 0xf0) . a
//               sum >>= 4                       exact: all terms are multiples
//               for steps in the lower halves:  sum += (line & 0x0f) . a
//
// Tiles of few sums have several for each row and vector, each of one position
// or a run of them, so that no chain of dot products is too long to be hidden
// behind those of the next group; these are shifted and added at the end. They
// read every line once, and in order.
//
// Codes in pieces are put together first, at position 0. So are those of levels
// that are not evenly spaced, 4 bits, which are an index of bytes in a table: the
// level above the lowest is what is multiplied then.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILE_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILE_H

#include "lib/Kernel/CPU/MatmulPacked/Dots.h"
#include "lib/Kernel/CPU/MatmulPacked/TileSums.h"

namespace mpq::packed {

class TileEmitter final : public TileSums {
public:
  TileEmitter(KernelBuilder &k, const PackedLayout &layout,
              const Tuning &tuning, mlir::Value packed,
              SignedRows &activations);

  /// By how many bits the start of a group's sums is shifted.
  static int64_t getStartShift(const PackedLayout &layout,
                               const Tuning &tuning);

  int64_t lanes() const override { return dots.lanes(); }
  Values emitGroup(llvm::ArrayRef<StreamPart> parts, Index codes,
                   int64_t cellStep, Index firstRow, int64_t rows, Index step,
                   Values start, int64_t prefetchLines,
                   int64_t locality) override;

private:
  /// One way to get a step's codes, or a part of them.
  struct Term {
    int64_t maxCode;
    /// The codes are times 2^position; a negative one means the upper bits
    /// only.
    int64_t position;
    llvm::SmallVector<PackedLayout::Piece, 4> pieces;
  };
  /// Where the tile reads.
  struct Source {
    llvm::ArrayRef<StreamPart> parts;
    Index codes;
    int64_t cellStep;
    Index firstRow;
    int64_t rows;
    Index step;
    int64_t prefetchLines, locality;
    /// What was loaded, if loads are shared.
    llvm::DenseMap<std::pair<const StreamPart *, int64_t>, mlir::Value> *lines =
        nullptr;
  };
  /// How a tile of few sums goes about it: `runs` of `positions` positions
  /// each, highest first, have `chains` sums.
  struct Shares {
    int64_t positions = 1, runs = 1, chains = 1;
  };

  llvm::SmallVector<Term, 2> getTerms(int64_t cellStep) const;
  /// The positions that occur in `steps` steps, highest first.
  llvm::SmallVector<int64_t> getPositions(int64_t cellStep,
                                          int64_t steps) const;
  /// The integer sums over a few steps, all unrolled.
  Values emitSteps(const Source &source, int64_t steps, Values start);
  static Shares getShares(llvm::ArrayRef<int64_t> positions, int64_t steps,
                          int64_t count);
  Values emitShifted(const Source &source, int64_t steps, Values start);
  Values emitSeparate(const Source &source, int64_t steps, Values start);
  /// One step: `terms` of all vectors, times all rows.
  void emitTerm(const Source &source, int64_t step, const Term &term,
                llvm::function_ref<Sum &(int64_t)> sum);
  mlir::Value emitCodes(const Source &source, const StreamPart &part,
                        int64_t step, const Term &term);
  /// The levels above the lowest of codes that begin at bit 0 of each byte; what
  /// is above them does not matter.
  mlir::Value lookUp(mlir::Value codes);
  mlir::Value loadShared(const Source &source, const StreamPart &part,
                         int64_t line);
  mlir::Value shift(mlir::Value sums, int64_t right);

  const Tuning &tuning;
  Dots dots;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_TILE_H
