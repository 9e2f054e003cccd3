//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Counts in dwords or in bytes.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPopcount/BitCounts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::popcount;

Value BitCounts::combine(Value total, Value ones, bool isNegative) {
  if (isNegative)
    return arith::SubIOp::create(k.b, total, ones);
  return arith::AddIOp::create(k.b, total, ones);
}

void BitCounts::add(Count &count, Value dwords, bool isNegative) {
  if (countsDwords) {
    Value ones = math::CtPopOp::create(k.b, dwords);
    count.total = combine(count.total, ones, isNegative);
    return;
  }
  auto type = VectorType::get(4 * lanes, k.b.getI8Type());
  Value ones = math::CtPopOp::create(
      k.b, vector::BitCastOp::create(k.b, type, dwords));
  if (count.pending[isNegative] == kSafeCounts)
    flush(count, isNegative);
  Value &bytes = count.bytes[isNegative];
  bytes = count.pending[isNegative]++
              ? arith::AddIOp::create(k.b, bytes, ones).getResult()
              : ones;
}

Value BitCounts::addBytes(Value bytes) {
  auto type = VectorType::get(lanes, k.b.getI32Type());
  auto splat = [&](int64_t value) {
    return k.splatInteger(32, value, lanes);
  };
  auto addHalves = [&](Value x, int64_t width, int64_t mask) -> Value {
    Value low = arith::AndIOp::create(k.b, x, splat(mask));
    Value high = arith::ShRUIOp::create(k.b, x, splat(width));
    if (width < 16)
      high = arith::AndIOp::create(k.b, high, splat(mask));
    return arith::AddIOp::create(k.b, low, high);
  };
  Value words = vector::BitCastOp::create(k.b, type, bytes);
  return addHalves(addHalves(words, 8, 0x00ff00ff), 16, 0xffff);
}

void BitCounts::flush(Count &count, bool isNegative) {
  if (!count.pending[isNegative])
    return;
  count.total =
      combine(count.total, addBytes(count.bytes[isNegative]), isNegative);
  count.pending[isNegative] = 0;
}

Value BitCounts::finish(Count &count) {
  flush(count, false);
  flush(count, true);
  return count.total;
}
