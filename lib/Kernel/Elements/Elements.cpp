//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From logical positions to elements in memory.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"

using namespace mlir;
using namespace mpq;

UniformAttr mpq::getCodes(UniformAttr quant) {
  return quant && !quant.isDynamic() ? quant : UniformAttr();
}

Index mpq::elementOffset(KernelBuilder &k, const Activation &activation, ArrayRef<Index> position) {
  if (activation.shape.size() == 4) {
    Index channelBlock = k.floorDiv(position[1], activation.block);
    Index lane = k.mod(position[1], activation.block);
    return k.add(activation.offset(k, position[0], channelBlock, position[2], position[3]), lane);
  }
  Index at = 0;
  for (auto [size, index] : llvm::zip_equal(activation.shape, position))
    at = k.add(k.mul(at, size), index);
  return at;
}

Value mpq::readElement(KernelBuilder &k, const Activation &from, ArrayRef<Index> position) {
  Value element = k.load(from.buffer, elementOffset(k, from, position));
  return from.quant ? k.dequantize(element, from.quant) : element;
}

Value mpq::makeZeroElement(KernelBuilder &k, const Activation &activation) {
  if (activation.quant)
    return k.integer(8, static_cast<int8_t>(activation.quant.getZeroPoint()));
  return k.f32(0.0);
}

void mpq::writeElements(KernelBuilder &k, const Activation &to, function_ref<Value(ArrayRef<Index>)> value) {
  k.forEach(to.shape, [&](ArrayRef<Index> position) {
    Value real = value(position);
    k.store(to.quant ? k.quantize(real, to.quant) : real, to.buffer, elementOffset(k, to, position));
  });
  if (to.shape.size() != 4)
    return;
  k.fillBorder(to);
  int64_t last = to.channelBlocks() - 1, valid = to.shape[1] - last * to.block;
  if (valid == to.block)
    return;
  k.forEach({to.shape[0], to.shape[2], to.shape[3]}, [&](ArrayRef<Index> at) {
    k.fill(to.buffer, to.offset(k, at[0], last, at[1], at[2]) + valid, to.block - valid, makeZeroElement(k, to));
  });
}

void mpq::forEachChannelBlock(KernelBuilder &k, const Activation &activation,
                              function_ref<void(Index, int64_t)> body) {
  int64_t complete = activation.shape[1] / activation.block;
  k.forLoop(0, complete, 1, [&](Index block) { body(block, activation.block); });
  if (int64_t valid = activation.shape[1] % activation.block)
    body(complete, valid);
}
