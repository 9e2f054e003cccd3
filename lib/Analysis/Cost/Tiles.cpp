//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The tiles of a table as an attribute of a module.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "dialects/MPQ/Packed/Packed.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mpq;

LogicalResult mpq::setTiles(ModuleOp module, const CostTable &table) {
  Builder b(module.getContext());
  SmallVector<NamedAttribute> kernels;
  for (const auto &[kernel, tiles] : table.tiles) {
    auto emitError = [&, &name = kernel] {
      return module.emitError("the cost table has a tile of '")
             << name << "' that is not valid: ";
    };
    SmallVector<Attribute> attrs;
    for (const CostTable::Tile &tile : tiles) {
      attrs.push_back(TileAttr::getChecked(
          emitError, b.getContext(), unsigned(tile.bits), tile.m, tile.rows,
          tile.vectors, tile.prefetch, tile.level));
      if (!attrs.back())
        return failure();
    }
    kernels.push_back(b.getNamedAttr(kernel, b.getArrayAttr(attrs)));
  }
  if (kernels.empty())
    module->removeAttr(kTilesAttr);
  else
    module->setAttr(kTilesAttr, b.getDictionaryAttr(kernels));
  return success();
}
