//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The attribute of the module.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/MeasuredTiles.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mpq;

SmallVector<TileAttr> packed::getMeasuredTiles(Operation *op, StringRef kernel,
                                               unsigned bits) {
  auto module = op->getParentOfType<ModuleOp>();
  Attribute attr = module ? module->getAttr(kTilesAttr) : Attribute();
  if (!attr)
    return {};
  auto kernels = dyn_cast<DictionaryAttr>(attr);
  Attribute list = kernels ? kernels.get(kernel) : attr;
  if (!list)
    return {};
  auto tiles = dyn_cast<ArrayAttr>(list);
  if (!tiles || !llvm::all_of(tiles, llvm::IsaPred<TileAttr>)) {
    op->emitOpError("cannot be cut as '")
        << kTilesAttr << "' of its module says: " << list
        << " is no list of tiles";
    return {};
  }
  return llvm::to_vector(
      llvm::make_filter_range(tiles.getAsRange<TileAttr>(), [&](TileAttr tile) {
        return tile.getBits() == bits;
      }));
}
