//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of activations as the packed kernels want them.
//
// Codes of weights are unsigned, so activations have to be signed: a u8 code x
// becomes a = x - 128, its bits but for the topmost one. (Of b bits: x -
// 2^(b-1).) What else was subtracted or was not comes back as sums, with z_x
// the zero point of the activations, and for the weights either a zero point
// z_w or `low` and `step`:
//
//     sum (c - z_w) (x - z_x)
//              = sum c a  -  z_w sum a  +  (128 - z_x) sum (c - z_w)
//     sum (low + step c) (x - z_x)
//              = step sum c a  +  low sum a  +  (128 - z_x) sum (low + step c)
//
// The last sum of each is known when the weight is packed; `sum a`, group by
// group, is computed here, times -1 or `low`. All of it is integers.
//
// Where activations have a scale for every group, z_x is 128, too, and the last
// sum is not there.
//
// In memory, for each row: the codes of each group, padded with zeros to whole
// steps, and one i32 for each group. Rows are an odd number of lines apart, or
// those of a tile would compete for the same lines of the cache.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_SIGNEDROWS_H
#define MPQ_LIB_KERNEL_CPU_PACKED_SIGNEDROWS_H

#include "mpq/Kernel/DynamicQuantization.h"
#include "mpq/Kernel/PackedLayout.h"

namespace mpq::packed {

class SignedRows {
public:
  /// Room for `rowsAtOnce` rows. `sumShift`: sums are multiplied by a power of
  /// two. `keepsCodes`: otherwise there are the codes of one row only, the
  /// last.
  SignedRows(KernelBuilder &k, const PackedLayout &layout, Activation input,
             int64_t rowsAtOnce, int64_t sumShift, bool keepsCodes = true);

  /// Row `from` of the input becomes row `to`.
  void emitRow(Index from, Index to);

  /// Dwords of a row's codes, and how many rows fit into so many bytes.
  static int64_t getPitch(const PackedLayout &layout);
  static int64_t getRowsIn(const PackedLayout &layout, int64_t bytes);

  /// The codes, one row `getPitch` dwords behind the other.
  mlir::Value getCodes() const { return codes; }
  /// Four codes, step `step` of row `row`, as an i32.
  mlir::Value loadStep(Index row, Index step);
  /// Those of `count` steps.
  mlir::Value loadSteps(Index row, Index step, int64_t count);
  /// The sum of the codes of a group times -1 or `low`, shifted.
  mlir::Value loadSum(Index row, Index group);
  /// Whether every group of a row has a scale.
  bool isGrouped() const { return input.quant && input.quant.isGrouped(); }
  /// `middle` - z_x, an i32, and the scale, where a row has one of each.
  mlir::Value loadOffset(Index row);
  mlir::Value loadScale(Index row);
  /// The scale of a group.
  mlir::Value loadScale(Index row, Index group);

private:
  bool isDynamic() const { return !input.quant || input.quant.isDynamic(); }
  /// Writes `count` columns from element `from` on, and zeros behind them up to
  /// the end of the group; returns the sum.
  mlir::Value emitGroup(const DynamicQuantization *quant, Index from,
                        int64_t count, Index to);
  /// 16 codes minus `middle`, as i32; zero where there are fewer.
  mlir::Value emitCodes(const DynamicQuantization *quant, Index from,
                        int64_t valid);

  KernelBuilder &k;
  const PackedLayout &layout;
  Activation input;
  /// The code of the activations that becomes 0.
  int64_t middle;
  int64_t pitch, factor;
  bool keepsCodes;
  mlir::Value codes, dwords, sums, offsets, scales;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_SIGNEDROWS_H
