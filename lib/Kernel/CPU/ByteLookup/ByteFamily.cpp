//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteFamily.h"
#include "lib/Kernel/CPU/ByteLookup/Loops.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;

std::string ByteFamily::checkPacked(MatmulOp op) const {
  return packed::checkPackedAs<PackedBytesAttr>(op);
}

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

void ByteFamily::emit(OpBuilder &builder, Location loc, Operation *op,
                      const KernelTarget &target, ValueRange operands) const {
  KernelBuilder k(builder, loc, target);
  ByteLayout layout(op->getAttrOfType<PackedBytesAttr>(kPackedLayoutAttr));
  emitLoops(
      k, cast<MatmulOp>(op), layout, layout.getPlain(),
      packed::PanelLoops::getBlockHeight(k.rows(operands[0]), Tuning::kRows),
      operands);
}
