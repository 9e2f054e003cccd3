//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sums, scales, halves.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/StoredWeight.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

Value StoredWeight::emitScale(Index row, Index column, Value valid) {
  return orZero(ask(&FormatAttrInterface::emitScale, row, column), valid);
}

Value StoredWeight::orZero(Value value, Value valid) {
  if (!valid)
    return value;
  Value zero = value.getType().isF32() ? k.f32(0.0) : k.integer(32, 0);
  return arith::SelectOp::create(k.b, valid, value, zero);
}

Value StoredWeight::emitLevelSum(Index row, Index first, int64_t count) {
  return k.forLoop(0, count, 1, k.integer(32, 0), [&](Index i, ValueRange v) {
    Value level = ask(&FormatAttrInterface::emitLevel, row, k.add(first, i));
    return SmallVector<Value>{arith::AddIOp::create(k.b, v[0], level)};
  })[0];
}

Value StoredWeight::emitWeightSum(Index row, int64_t groups,
                                  int64_t groupColumns) {
  auto visit = [&](Index group, int64_t count, Value sum) {
    Index first = k.mul(group, groupColumns);
    Value levels = arith::SIToFPOp::create(k.b, k.b.getF32Type(),
                                           emitLevelSum(row, first, count));
    Value scale = ask(&FormatAttrInterface::emitScale, row, first);
    return k.addf(sum, k.mulf(levels, scale));
  };
  int64_t last = groups - 1;
  Value sum = k.forLoop(0, last, 1, k.f32(0.0), [&](Index group, ValueRange v) {
    return SmallVector<Value>{visit(group, groupColumns, v[0])};
  })[0];
  return visit(last, columns - last * groupColumns, sum);
}

Value StoredWeight::emitRowSum(Index row, int64_t groups, int64_t groupColumns,
                               Value valid) {
  return orZero(groups > 1 ? emitWeightSum(row, groups, groupColumns)
                           : emitLevelSum(row, 0, columns),
                valid);
}

void StoredWeight::storeScale(Value scale, Index at, int64_t scaleBytes) {
  if (scaleBytes == 4)
    return storeDword(scale, at);
  // It was an f16: exact.
  Value half = emitHalf(scale);
  Value halves = k.view(packed, k.b.getI16Type(), 0, bytes / 2);
  k.store(half, halves, k.floorDiv(at, 2));
}

Value StoredWeight::emitBits(Value real, int64_t realBytes) {
  if (realBytes == 4)
    return arith::BitcastOp::create(k.b, k.b.getI32Type(), real);
  return emitHalf(real);
}

/// The f16 pattern of an f32 that is an f16, without f16 arithmetic, which not
/// every target has.
Value StoredWeight::emitHalf(Value scale) {
  Type i32 = k.b.getI32Type();
  auto integer = [&](int64_t value) { return k.integer(32, value); };
  Value bits = arith::BitcastOp::create(k.b, i32, scale);
  Value sign = arith::AndIOp::create(
      k.b, arith::ShRUIOp::create(k.b, bits, integer(16)), integer(0x8000));
  // Times 2^-112 the exponent is that of an f16, and what is too small for it
  // becomes a denormal number in the same bits.
  Value magnitude = arith::AndIOp::create(k.b, bits, integer(0x7fffffff));
  magnitude = arith::BitcastOp::create(k.b, k.b.getF32Type(), magnitude);
  magnitude = k.mulf(magnitude, k.f32(0x1p-112));
  magnitude = arith::BitcastOp::create(k.b, i32, magnitude);
  magnitude = arith::ShRUIOp::create(k.b, magnitude, integer(13));
  return arith::TruncIOp::create(k.b, k.b.getI16Type(),
                                 arith::OrIOp::create(k.b, magnitude, sign));
}

void StoredWeight::storeDword(Value dword, Index at) {
  if (dword.getType().isF32())
    dword = arith::BitcastOp::create(k.b, k.b.getI32Type(), dword);
  Value dwords = k.view(packed, k.b.getI32Type(), 0, bytes / 4);
  k.store(dword, dwords, k.floorDiv(at, 4));
}
