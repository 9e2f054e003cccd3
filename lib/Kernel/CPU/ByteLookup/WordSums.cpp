//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Words, and their upper bytes.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/WordSums.h"

#include "lib/Kernel/CPU/Packed/Hide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;

WordSums::WordSums(KernelBuilder &k, int64_t bytes, int64_t start)
    : builder(&k), bytes(bytes),
      words(k.splatInteger(16, int16_t(start * 257), bytes / 2)),
      odd(k.splatInteger(16, int16_t(start), bytes / 2)) {}

void WordSums::add(Value more, int64_t factor) {
  KernelBuilder &k = *builder;
  Value eight = k.splatInteger(16, 8, bytes / 2);
  Value both = vector::BitCastOp::create(
      k.b, VectorType::get(bytes / 2, k.b.getI16Type()), more);
  Value upper = arith::ShRUIOp::create(k.b, both, eight);
  auto addTo = [&](Value &sum, Value value) {
    if (factor != 1)
      value = arith::MulIOp::create(k.b, value,
                                    k.splatInteger(16, factor, bytes / 2));
    // In this order: what waits to be added takes a register.
    sum = packed::hide(k, arith::AddIOp::create(k.b, sum, value));
  };
  addTo(words, both);
  addTo(odd, upper);
}

SmallVector<Value> WordSums::widen() const {
  KernelBuilder &k = *builder;
  Value even = arith::SubIOp::create(
      k.b, words,
      arith::ShLIOp::create(k.b, odd, k.splatInteger(16, 8, bytes / 2)));
  auto dwords = VectorType::get(bytes / 4, k.b.getI32Type());
  Value sixteen = k.splatInteger(32, 16, bytes / 4);
  // Words 0 and 1 of each lane are bytes 0 and 2, or 1 and 3.
  Value halves[] = {vector::BitCastOp::create(k.b, dwords, even),
                    vector::BitCastOp::create(k.b, dwords, odd)};
  SmallVector<Value> result;
  for (Value half : halves)
    result.push_back(arith::ShRSIOp::create(
        k.b, arith::ShLIOp::create(k.b, half, sixteen), sixteen));
  for (Value half : halves)
    result.push_back(arith::ShRSIOp::create(k.b, half, sixteen));
  return result;
}
