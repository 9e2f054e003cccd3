//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Vectors of levels, and the tables that they make.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupF32/SumTables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupf32;

static constexpr int64_t kColumns = PackedLayout::kColumns;

int64_t SumTables::getPitch(const PackedLayout &layout) {
  // An odd number of lines apart, or rows of a tile compete for the same lines
  // of the cache.
  int64_t indices = layout.groups * layout.groupSteps / getSteps(layout);
  return (indices * kColumns | 1) * kEntries;
}

int64_t SumTables::getRowsIn(const PackedLayout &layout, int64_t bytes) {
  return bytes / (4 * getPitch(layout));
}

SumTables::SumTables(KernelBuilder &k, const PackedLayout &layout,
                     packedf32::FloatRows &rows, Value packed,
                     int64_t rowsAtOnce)
    : k(k), layout(layout), rows(rows), pitch(getPitch(layout)) {
  for (int64_t position = 0; position < getSteps(layout); ++position)
    factors.push_back(makeFactors(position, packed));
  tables = k.stackBuffer(k.b.getF32Type(), rowsAtOnce * pitch);
  if (layout.zeroPoints)
    sums = k.stackBuffer(k.b.getF32Type(), rowsAtOnce * layout.groups);
}

/// The levels of the code at `position` of an index, for all indices.
Value SumTables::makeFactors(int64_t position, Value packed) {
  int64_t codes = int64_t(1) << layout.bits;
  auto getCode = [&](int64_t index) {
    return (index >> position * layout.bits) % codes;
  };
  if (layout.table) {
    Value floats = k.view(packed, k.b.getF32Type(), layout.getTableOffset(),
                          layout.getTableEntries());
    Value levels = k.loadVector(floats, 0, kEntries);
    SmallVector<int64_t> from;
    for (int64_t index = 0; index < kEntries; ++index)
      from.push_back(getCode(index));
    return vector::ShuffleOp::create(k.b, levels, levels, from);
  }
  SmallVector<float> levels;
  for (int64_t index = 0; index < kEntries; ++index)
    levels.push_back(layout.zeroPoints
                         ? getCode(index)
                         : layout.low + layout.step * getCode(index));
  auto type = VectorType::get(kEntries, k.b.getF32Type());
  return k.constant(DenseElementsAttr::get(type, ArrayRef(levels)));
}

Value SumTables::emitTables(Index row, Index index, Value sum) {
  for (int64_t column = 0; column < kColumns; ++column) {
    Value table;
    for (auto [position, levels] : llvm::enumerate(factors)) {
      Index step = k.mul(index, factors.size()) + position;
      Value x = rows.broadcast(row, step, column, kEntries);
      table = table ? k.fma(levels, x, table) : k.mulf(levels, x);
    }
    k.storeVector(table, tables,
                  k.add(k.mul(row, pitch), k.mul(index, kColumns * kEntries)) +
                      column * kEntries);
    if (sum)
      sum = k.addf(sum, table);
  }
  return sum;
}

void SumTables::emitRow(Index row) {
  int64_t perGroup = layout.groupSteps / getSteps(layout);
  if (!layout.zeroPoints) {
    k.forLoop(0, layout.groups * perGroup, 1,
              [&](Index index) { emitTables(row, index, {}); });
    return;
  }
  // Where all codes are 1, so are the levels.
  int64_t ones = (kEntries - 1) / ((1 << layout.bits) - 1);
  k.forLoop(0, layout.groups, 1, [&](Index group) {
    Value sum = k.forLoop(0, perGroup, 1, k.splatF32(0.0, kEntries),
                          [&](Index index, ValueRange v) {
                            return SmallVector<Value>{emitTables(
                                row, k.add(k.mul(group, perGroup), index),
                                v[0])};
                          })[0];
    sum = vector::ExtractOp::create(k.b, sum, ArrayRef<int64_t>{ones});
    k.store(arith::NegFOp::create(k.b, sum), sums,
            k.add(k.mul(row, layout.groups), group));
  });
}

Value SumTables::load(Index row, Index index, int64_t byte) {
  return k.loadVector(tables,
                      k.add(k.mul(row, pitch),
                            k.mul(index, kColumns * kEntries)) +
                          byte * kEntries,
                      kEntries);
}

Value SumTables::loadSum(Index row, Index group) {
  return k.load(sums, k.add(k.mul(row, layout.groups), group));
}
