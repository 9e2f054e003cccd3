//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one convolution kernel; Plan.h draws the tile.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_CONVVNNI_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_CONVVNNI_LOOPS_H

#include "lib/Kernel/CPU/ConvVnni/Plan.h"
#include "mpq/Kernel/DynamicQuantization.h"

#include <optional>

namespace mpq::vnni {

class ConvLoops {
public:
  ConvLoops(KernelBuilder &k, ConvOp op, mlir::ValueRange operands);
  void emit();

private:
  /// What stays the same for a group of channel blocks: vectors per block.
  struct Group {
    Index index;
    llvm::SmallVector<mlir::Value> start, scale, bias;
  };
  using Accumulators = llvm::SmallVector<mlir::Value>;
  /// What of the kernel meets the input: rows, and the input column of the
  /// window's first where it is known and columns of the border may be left
  /// out.
  struct Window {
    Index firstRow, endRow;
    std::optional<int64_t> column;
  };

  /// The position of an accumulator: pixel, channel block, chain.
  int64_t slot(int64_t h, int64_t w, int64_t r, int64_t chain = 0) const {
    return ((h * plan.width + w) * plan.blocks + r) * plan.chains + chain;
  }

  /// Runs `body` on vectors of the f32 input of sample `n`, rows `first` to
  /// `end`: their place in the input, in `codes`, and their valid lanes.
  mlir::SmallVector<mlir::Value> forEachInput(
      Index n, Index first, Index end, mlir::ValueRange init,
      llvm::function_ref<mlir::SmallVector<mlir::Value>(
          Index, Index, int64_t, mlir::ValueRange)>
          body);
  /// Finds the range of sample `n` of an f32 input.
  void emitRange(Index n);
  /// Quantizes what the results from row `firstRow` on need into `codes`.
  void emitQuantization(Index n);
  void emitGroups(Index n);
  void emitGroup(Index n, Index group);
  /// The tiles of one row of tiles, row `h` of the strip.
  void emitRow(Index n, const Group &group, Index h);
  void emitTile(Index n, const Group &group, Index h, Index w);
  Window getWindow(Index h, Index w);
  /// One input block: the kernel rows of the window, `steps` steps.
  Accumulators emitInputBlock(Index input, Index weights, int64_t steps,
                              const Window &window,
                              mlir::ValueRange accumulators);
  /// `unroll` steps, from the dword `input` and the byte `weights` on.
  void emitSteps(Index input, Index weights, int64_t unroll,
                 const Window &window, Accumulators &accumulators);
  /// The dot products of one input pixel, at dword `at`, with the kernel
  /// columns from `first` on whose weights are `taps`.
  void emitColumn(Index at, int64_t h, int64_t column, int64_t first,
                  llvm::ArrayRef<mlir::Value> taps, int64_t step,
                  Accumulators &accumulators);
  void emitResults(Index n, const Group &group, Index h, Index w,
                   const Accumulators &accumulators);

  KernelBuilder &k;
  ConvOp op;
  ConvPlan plan;
  const ConvGeometry &g;
  Activation input, output;
  std::optional<Activation> residual;
  mlir::Value packed, bias;
  Epilogue epilogue;

  /// The u8 input: `input`, or the stack buffer; and its dwords.
  Activation codes;
  mlir::Value dwords;
  /// The scale that was computed from sample `n`.
  std::optional<DynamicQuantization> dynamic;
  /// The first row of the result in this strip, and how many there are.
  Index firstRow = 0;
  int64_t rows;
  int64_t rowTiles() const { return llvm::divideCeil(rows, plan.height); }
};

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_CONVVNNI_LOOPS_H
