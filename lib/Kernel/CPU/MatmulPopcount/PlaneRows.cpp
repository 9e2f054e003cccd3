//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From bytes to planes, a cell at a time.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPopcount/PlaneRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::popcount;

/// Columns of a cell: the bits of a dword.
static constexpr int64_t kCellColumns = 32;

int64_t PlaneRows::getGroupCells(const PackedLayout &layout) {
  return std::max<int64_t>(layout.groupSteps / layout.cellSteps, 1);
}

int64_t PlaneRows::getCellSteps(const PackedLayout &layout) {
  return std::min(layout.groupSteps, layout.cellSteps);
}

int64_t PlaneRows::getPitch(const PackedLayout &layout, int64_t bits) {
  constexpr int64_t kLineDwords = PackedLayout::kLine / 4;
  int64_t dwords = layout.groups * getGroupCells(layout) * bits;
  // As in SignedRows.h.
  return (llvm::divideCeil(dwords, kLineDwords) | 1) * kLineDwords;
}

int64_t PlaneRows::getRowsIn(const PackedLayout &layout, int64_t bits,
                             int64_t bytes) {
  int64_t ofRow = getPitch(layout, bits) * 4 + layout.groups * 4;
  int64_t codes = packed::SignedRows::getPitch(layout) * 4;
  return std::max<int64_t>(1, (bytes - codes) / ofRow);
}

PlaneRows::PlaneRows(KernelBuilder &k, const PackedLayout &layout, int64_t bits,
                     int64_t rowsAtOnce, packed::SignedRows &codes)
    : bits(bits), k(k), layout(layout), codes(codes),
      dwords(k.stackBuffer(k.b.getI32Type(),
                           rowsAtOnce * getPitch(layout, bits))) {}

Value PlaneRows::load(Index row, Index cell, int64_t plane) {
  return k.load(dwords,
                k.add(k.mul(row, getPitch(layout, bits)), k.mul(cell, bits)) +
                    plane);
}

void PlaneRows::emitRow(Index from, Index to) {
  codes.emitRow(from, to);
  Index row = k.mul(to, getPitch(layout, bits));
  int64_t steps = layout.groups * layout.groupSteps;
  int64_t groupsOfCell = layout.cellSteps / getCellSteps(layout);
  k.forLoop(0, steps / layout.cellSteps, 1, [&](Index cell) {
    emitCells(cell, k.add(row, k.mul(cell, groupsOfCell * bits)), groupsOfCell);
  });
  // The last cell may have fewer groups.
  if (int64_t rest = steps % layout.cellSteps) {
    int64_t cell = steps / layout.cellSteps;
    emitCells(cell, row + cell * groupsOfCell * bits,
              rest / layout.groupSteps);
  }
}

void PlaneRows::emitCells(Index cell, Index to, int64_t count) {
  auto bytes = VectorType::get(kCellColumns, k.b.getI8Type());
  Value inOrder =
      k.loadVector(codes.getCodes(), k.mul(cell, kCellColumns), kCellColumns);
  // Byte 4 * step + column becomes bit 8 * column + step.
  SmallVector<int64_t> order;
  for (int64_t bit = 0; bit < kCellColumns; ++bit)
    order.push_back(bit % 8 * PackedLayout::kColumns + bit / 8);
  Value shuffled = vector::ShuffleOp::create(k.b, inOrder, inOrder, order);
  Value zeros = k.constant(cast<TypedAttr>(k.b.getZeroAttr(bytes)));
  for (int64_t plane = 0; plane < bits; ++plane) {
    Value one = arith::AndIOp::create(
        k.b, shuffled, k.splatInteger(8, int8_t(1 << plane), kCellColumns));
    Value isSet = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ne, one,
                                        zeros);
    Value dword = vector::ExtractOp::create(
        k.b,
        vector::BitCastOp::create(
            k.b, VectorType::get(1, k.b.getI32Type()), isSet),
        0);
    for (int64_t group = 0; group < count; ++group) {
      Value own = dword;
      if (layout.groupSteps < layout.cellSteps) {
        uint32_t mask = ((1u << layout.groupSteps) - 1)
                        << group * layout.groupSteps;
        own = arith::AndIOp::create(
            k.b, dword, k.integer(32, int32_t(mask * 0x01010101u)));
      }
      k.store(own, dwords, to + (group * bits + plane));
    }
  }
}
