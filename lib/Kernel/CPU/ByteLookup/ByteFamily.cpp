//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteFamily.h"
#include "lib/Kernel/CPU/ByteLookup/Pack.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;

int64_t ByteFamily::getPackedBytes(Operation *op,
                                   const KernelTarget &target) const {
  return ByteLayout(cast<PackedBytesAttr>(getPackedLayout(op, target))).bytes();
}

void ByteFamily::emitPack(OpBuilder &builder, Location loc, Operation *op,
                          const KernelTarget &target,
                          const WeightReader &weight, Value packed) const {
  KernelBuilder k(builder, loc, target);
  ByteLayout layout(cast<PackedBytesAttr>(getPackedLayout(op, target)));
  bytelookup::emitPack(k, layout, weight, packed);
}
