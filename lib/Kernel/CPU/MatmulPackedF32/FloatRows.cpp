//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Copies of rows.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/FloatRows.h"

#include "mpq/Kernel/DynamicQuantization.h"

#include "llvm/Support/MathExtras.h"

#include <optional>

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

static constexpr int64_t kColumns = PackedLayout::kColumns;

bool FloatRows::isReady() const {
  return !quant && cast<MemRefType>(input.getType()).getElementType() == type &&
         layout.groups * layout.groupSteps * kColumns == layout.k;
}

FloatRows::FloatRows(KernelBuilder &k, const PackedLayout &layout, Value input,
                     UniformAttr quant, FloatType type, int64_t most,
                     int64_t bytes)
    : k(k), layout(layout), input(k.flatten(input)), quant(quant), type(type),
      rowsAtOnce(most), pitch(layout.k) {
  if (isReady())
    return;
  // An odd number of lines apart, or rows of a tile compete for the same lines
  // of the cache.
  int64_t size = type.getWidth() / 8, lineFloats = 64 / size;
  int64_t lines = llvm::divideCeil(
      layout.groups * layout.groupSteps * kColumns, lineFloats);
  pitch = (lines | 1) * lineFloats;
  rowsAtOnce = std::clamp<int64_t>(bytes / size / pitch, 1, most);
  Index rows = k.rows(input);
  if (rows.isConstant())
    rowsAtOnce = std::clamp<int64_t>(rows.offset, 1, rowsAtOnce);
  copies = k.stackBuffer(type, rowsAtOnce * pitch);
}

void FloatRows::emitBlock(Index first, Index count) {
  firstRow = first;
  if (copies)
    k.forLoop(0, count, 1,
              [&](Index row) { copyRow(k.add(first, row), row); });
}

void FloatRows::copyRow(Index from, Index to) {
  int64_t columns = layout.groupSteps * kColumns;
  std::optional<DynamicQuantization> dynamic;
  if (quant && quant.isDynamic())
    dynamic = DynamicQuantization::ofRow(k, quant, input, k.mul(from, layout.k),
                                         layout.k);
  auto convert = [&](Value stored) {
    if (dynamic)
      return dynamic->roundTrip(k, stored);
    return quant ? k.dequantize(stored, quant) : stored;
  };
  auto copyGroup = [&](Index group, int64_t count) {
    Index source =
        k.add(k.mul(from, layout.k), k.mul(group, layout.groupColumns));
    Index target = k.add(k.mul(to, pitch), k.mul(group, columns));
    int64_t lanes = k.target.lanes();
    k.forEachVector(count, lanes, {}, [&](Index at, Index valid, ValueRange) {
      Value stored = k.loadPartial(input, k.add(source, at), lanes, valid);
      k.storePartial(convert(stored), copies, k.add(target, at), valid);
      return SmallVector<Value>{};
    });
    k.fill(copies, target + count, columns - count, k.f32(0.0));
  };
  int64_t last = layout.groups - 1;
  k.forLoop(0, last, 1,
            [&](Index group) { copyGroup(group, layout.groupColumns); });
  copyGroup(last, layout.getColumns(last));
}

Value FloatRows::broadcast(Index row, Index step, int64_t column,
                           int64_t lanes) {
  if (!copies)
    row = k.add(firstRow, row);
  Value from = copies ? copies : input;
  Index at = k.add(k.mul(row, pitch), k.mul(step, kColumns)) + column;
  return type.isBF16() ? k.broadcastPair(from, at, lanes)
                       : k.broadcast(k.load(from, at), lanes);
}
