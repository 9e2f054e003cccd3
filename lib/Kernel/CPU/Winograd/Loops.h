//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one Winograd kernel; Plan.h says what they compute.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_WINOGRAD_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_WINOGRAD_LOOPS_H

#include "Plan.h"

#include <optional>

namespace mpq::winograd {

class WinogradLoops {
public:
  WinogradLoops(mlir::OpBuilder &builder, mlir::Location loc, ConvOp op,
                const KernelTarget &target, ConvOp::Adaptor operands);
  void emit();

private:
  /// Row and column of the first result of tile number `tile`.
  std::pair<Index, Index> getPlace(Index tile);
  /// V of the tiles from `first` on.
  void emitInputs(Index n, Index first);
  /// V of all tiles, unless this thread has it. The channels of `group` come
  /// first, which it has written in the layer before, as a rule. What others have
  /// written is on its way meanwhile.
  void emitInputsOnce(Index n, Index group);
  /// V of one tile, number `t` of its group, and one input block.
  void emitInput(Index n, Index tile, Index t, Index block);
  /// Asks for what only this tile reads of the block.
  void fetchInput(Index n, Index tile, Index block);
  /// The first input that the tile reads.
  Index getWindow(Index n, Index tile, Index block);
  /// M of one group of output blocks, position `position`.
  void emitProducts(Index group, Index position);
  void emitResults(Index n, Index first, Index group);
  void emitTile(Index n, Index row, Index column, Index block, Index products);

  KernelBuilder k;
  WinogradPlan plan;
  const ConvGeometry &g;
  ConvOp op;
  Activation x, y;
  std::optional<Activation> residual;
  mlir::Value bias, weights, inputs, products;
  /// Where all tiles are one group: 1 until this thread has transformed them.
  mlir::Value pending;
};

} // namespace mpq::winograd

#endif // MPQ_LIB_KERNEL_CPU_WINOGRAD_LOOPS_H
