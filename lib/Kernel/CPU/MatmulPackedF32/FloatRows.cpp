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

bool FloatRows::isReady() const {
  return !quant && cast<MemRefType>(input.getType()).getElementType() == type &&
         columns.end == columns.k;
}

FloatRows::FloatRows(KernelBuilder &k, PaddedColumns columns, Value input,
                     UniformAttr quant, FloatType type, int64_t most,
                     int64_t bytes)
    : k(k), columns(columns), input(k.flatten(input)), quant(quant), type(type),
      rowsAtOnce(most), pitch(columns.k) {
  if (isReady())
    return;
  // An odd number of lines apart, or rows of a tile compete for the same lines
  // of the cache.
  int64_t size = type.getWidth() / 8, lineFloats = 64 / size;
  int64_t lines = llvm::divideCeil(columns.end, lineFloats);
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
  std::optional<DynamicQuantization> dynamic;
  if (quant && quant.isDynamic())
    dynamic = DynamicQuantization::ofRow(k, quant, input, k.mul(from, columns.k),
                                         columns.k);
  auto convert = [&](Value stored) {
    if (dynamic)
      return dynamic->roundTrip(k, stored);
    return quant ? k.dequantize(stored, quant) : stored;
  };
  // `count` columns of a group, and zeros up to `end`.
  auto copyGroup = [&](Index group, int64_t count, int64_t end) {
    Index source = k.add(k.mul(from, columns.k), k.mul(group, columns.group));
    Index target = k.add(k.mul(to, pitch), k.mul(group, columns.pitch));
    int64_t lanes = k.target.lanes();
    k.forEachVector(count, lanes, {}, [&](Index at, Index valid, ValueRange) {
      Value stored = k.loadPartial(input, k.add(source, at), lanes, valid);
      k.storePartial(convert(stored), copies, k.add(target, at), valid);
      return SmallVector<Value>{};
    });
    k.fill(copies, target + count, end - count, k.f32(0.0));
  };
  int64_t last = columns.groups() - 1;
  k.forLoop(0, last, 1, [&](Index group) {
    copyGroup(group, columns.group, columns.pitch);
  });
  copyGroup(last, columns.k - last * columns.group,
            columns.end - last * columns.pitch);
}

Index FloatRows::locate(Index row, Index column) {
  if (!copies)
    row = k.add(firstRow, row);
  return k.add(k.mul(row, pitch), column);
}

Value FloatRows::broadcast(Index row, Index step, int64_t column,
                           int64_t lanes) {
  Index at =
      locate(row, k.mul(step, PackedLayout::kColumns) + column);
  return type.isBF16() ? k.broadcastPair(getBuffer(), at, lanes)
                       : k.broadcast(k.load(getBuffer(), at), lanes);
}

Value FloatRows::load(Index row, Index column, int64_t lanes) {
  return k.loadVector(getBuffer(), locate(row, column), lanes);
}
