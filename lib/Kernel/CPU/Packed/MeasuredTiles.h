//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tiles that were measured on the CPU of the module, in the place of those that a
// family has by itself.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_MEASUREDTILES_H
#define MPQ_LIB_KERNEL_CPU_PACKED_MEASUREDTILES_H

#include "lib/Kernel/CPU/Packed/PanelLoops.h"

#include "dialects/MPQ/Packed/Packed.h"

namespace mpq::packed {

/// Those that the module around `op` has for `kernel` and codes of `bits` bits. What
/// is no tile there is an error at `op`.
llvm::SmallVector<TileAttr> getMeasuredTiles(mlir::Operation *op,
                                             llvm::StringRef kernel,
                                             unsigned bits);

/// The same, where they belong among `tiles`, which are for ever more rows, the last
/// for any number: the ranges of rows stay as they are, and what `Tile` has beyond
/// `TileTuning`.
template <typename Tile>
void useMeasuredTiles(mlir::Operation *op, llvm::StringRef kernel,
                      unsigned bits, llvm::MutableArrayRef<Tile> tiles) {
  for (TileAttr measured : getMeasuredTiles(op, kernel, bits)) {
    TileTuning &tile = *llvm::find_if(tiles, [&](const TileTuning &tile) {
      return measured.getM() <= tile.maxRows;
    });
    // A hint's locality counts levels from the other end.
    int64_t locality = measured.getPrefetch() ? 4 - measured.getLevel() : 0;
    tile = {tile.maxRows, measured.getRows(), measured.getVectors(),
            measured.getPrefetch(), locality};
  }
}

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_MEASUREDTILES_H
