//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "Decode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

SmallVector<ColumnTerms> mpq::w4a16::loadColumnTerms(ThreadBuilder &t, const WeightLayout &weight,
                                                     Value row, int64_t count) {
  auto load = [&](Value from) {
    Value halves = t.load(VectorType::get(count, t.f16Type()), from, count * 2);
    SmallVector<Value> pairs;
    for (int64_t i = 0; i < count; ++i) {
      Value half = t.element(halves, i);
      pairs.push_back(t.vector({half, half}));
    }
    return pairs;
  };
  SmallVector<ColumnTerms> columns(count);
  if (weight.hasScale)
    for (auto [column, scale] : llvm::zip(columns, load(row)))
      column.scale = scale;
  if (!weight.hasZero) {
    for (ColumnTerms &column : columns) {
      column.zero = t.pair(-1024.0 - weight.zero);
      column.highZero = t.pair(-64.0 - weight.zero);
    }
    return columns;
  }
  for (auto [column, zero] : llvm::zip(columns, load(t.advance(row, weight.zeroOffset())))) {
    // zero is 1024 + z; all of these are integers that f16 has exactly.
    column.zero = arith::NegFOp::create(t.b, zero);
    column.highZero = arith::SubFOp::create(t.b, t.pair(960.0), zero);
  }
  return columns;
}

Value mpq::w4a16::decodePair(ThreadBuilder &t, Value word, bool high, const ColumnTerms &column) {
  Value mask = t.i32(high ? 0x00f000f0 : 0x000f000f);
  Value magic = t.i32(kMagic << 16 | kMagic);
  // LLVM does not form lop3 by itself.
  Value bits = t.assembly(t.i32Type(), {word, mask, magic}, "lop3.b32 $0, $1, $2, $3, 0xea;",
                          "=r,r,r,r", /*hasEffects=*/false);
  Value pair = t.bitcast(t.pairType(), bits);
  Value level = high ? t.fma(pair, t.pair(1.0 / 16), column.highZero)
                     : arith::AddFOp::create(t.b, pair, column.zero).getResult();
  return column.scale ? arith::MulFOp::create(t.b, level, column.scale).getResult() : level;
}
