//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Depthwise convolution of codes: what a vector holds.
//
// `vpdpbusd` sums over four neighbouring bytes, and in a depthwise convolution
// what is summed are taps, not channels. So the taps of a kernel row are brought
// next to each other. In blocks of 16 channels four pixels are 64 bytes; with x,
// y, z, w those four pixels shifted by no, one, two and three taps,
//
//     x      c0 c1 ... c15 | the next pixel | ...           quarters: pixels
//     unpack bytes of x y, z w, then 16 bits of both:
//     step 0  x0 y0 z0 w0  x1 y1 z1 w1  ... x3 ... | ...    channels 0 .. 3
//     step 1  channels 4 .. 7,  step 2  8 .. 11,  step 3  12 .. 15
//
// A 3 x 3 kernel has w = 0: 3 loads and 8 shuffles give the operands of 4 dot
// products, for every output row that the input row is a part of. Accumulators
// have the same order, and packing them to bytes undoes it: it works on
// quarters, too, so that four vectors become 64 bytes of four pixels.
//
// The four pixels are neighbours in a row ("wide"), or, where a row has one or
// two more than a multiple of four, in a column ("tall"): for 5 columns one wide
// tile and a tall one for each four rows.
//
//   packed weights   s8  [blocks][kernel rows][groups of 4 taps][step][pixel]
//                        [4 channels][4 taps], the same for all pixels
//                    f32 [blocks * 16] scales, i32 [blocks * 16] sums
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_DEPTHWISEVNNI_TILE_H
#define MPQ_LIB_KERNEL_CPU_DEPTHWISEVNNI_TILE_H

#include "lib/Kernel/CPU/Vnni/Vnni.h"

namespace mpq::depthwise_vnni {

/// Pixels of a vector, dot products (and vectors of results) of four pixels,
/// taps of a dot product.
constexpr int64_t kPixels = 4, kSteps = 4, kTaps = 4;
/// Output rows that a wide tile computes at once.
constexpr int64_t kTileRows = 2;

struct Plan {
  explicit Plan(ConvOp op);

  ConvGeometry geometry;
  int64_t blocks;
  /// Groups of taps of a kernel row.
  int64_t groups;

  int64_t weightBytes() const {
    return blocks * geometry.kernelHeight * groups * kSteps *
           vnni::kVectorBytes;
  }
  int64_t rows() const { return blocks * vnni::kRows; }
  int64_t packedBytes() const { return weightBytes() + rows() * 8; }
};

/// Pixels of the output, relative to the first: the tile's vector.
struct Pixels {
  int64_t rows[kPixels], columns[kPixels];
  /// How many are written.
  int64_t valid = kPixels;

  bool areNeighbours() const {
    for (int64_t i = 0; i < kPixels; ++i)
      if (rows[i] != rows[0] || columns[i] != columns[0] + i)
        return false;
    return true;
  }
};

class Tile {
public:
  Tile(KernelBuilder &k, ConvOp op, ConvOp::Adaptor operands);

  const Activation &result() const { return y; }

  /// Loads what belongs to a channel block.
  void startBlock(Index block);
  /// `height` rows of wide pixels from (row, column) on; or just `pixels`.
  void emit(Index n, Index row, Index column, const Pixels &pixels,
            int64_t height);

private:
  /// 16 values of a channel block, four of them in all quarters.
  mlir::Value spread(mlir::Value channels, int64_t step);
  /// The 64 bytes of the pixels `taps` columns on, in an input row.
  mlir::Value loadPixels(Index at, const Pixels &pixels);
  llvm::SmallVector<mlir::Value, kSteps>
  interleave(llvm::ArrayRef<mlir::Value> taps);
  void addRow(Index at, int64_t source, const Pixels &pixels,
              llvm::MutableArrayRef<mlir::Value> sums);
  void store(llvm::ArrayRef<mlir::Value> sums, Index to, const Pixels &pixels);

  KernelBuilder &k;
  Plan plan;
  const ConvGeometry &g;
  vnni::Epilogue epilogue;
  double inputScale;
  int64_t inputZero;
  Activation x, y;
  mlir::Value bias, weights, scales, sums;
  /// Of the block.
  Index block;
  llvm::SmallVector<mlir::Value, kSteps> start, factor, offset;
};

} // namespace mpq::depthwise_vnni

#endif // MPQ_LIB_KERNEL_CPU_DEPTHWISEVNNI_TILE_H
