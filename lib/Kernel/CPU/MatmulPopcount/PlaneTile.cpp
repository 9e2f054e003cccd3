//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Cells, and what becomes of their sums.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPopcount/PlaneTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::popcount;
using packed::StreamPart;

PlaneTile::Values PlaneTile::loadLines(const Source &source, int64_t cell,
                                       int64_t line) {
  Values lines;
  // The hardware follows a stream that is read in order; and LLVM would hoist
  // the loads of all cells.
  k.keepLoadsInOrder();
  for (const StreamPart &part : source.parts)
    lines.push_back(vector::BitCastOp::create(
        k.b, VectorType::get(tuning.lanes, k.b.getI32Type()),
        loadLine(part, source.codes, cell * layout.bits + line)));
  return lines;
}

void PlaneTile::emitPlane(const Source &source, int64_t cell,
                          ArrayRef<Value> lines, int64_t plane,
                          MutableArrayRef<Count> sums) {
  for (int64_t row = 0; row < source.rows; ++row) {
    Value bits = k.broadcast(
        planes.load(source.firstRow + row, source.cell + cell, plane),
        tuning.lanes);
    for (auto [v, line] : llvm::enumerate(lines))
      counts.add(sums[row * lines.size() + v],
                 arith::AndIOp::create(k.b, line, bits),
                 plane + 1 == planes.bits);
  }
}

static SmallVector<Count> open(ValueRange sums) {
  return llvm::map_to_vector(sums, [](Value sum) { return Count{sum}; });
}

PlaneTile::Values PlaneTile::emitCells(const Source &source, int64_t cells,
                                       ValueRange before) {
  SmallVector<Count> sums = open(before);
  size_t count = sums.size() / getWeights();
  for (int64_t cell = 0; cell < cells; ++cell)
    for (int64_t line = 0; line < layout.bits; ++line) {
      Values lines = loadLines(source, cell, line);
      for (int64_t plane = 0; plane < planes.bits; ++plane)
        emitPlane(source, cell, lines, plane,
                  MutableArrayRef(sums).slice((line + plane) * count, count));
    }
  return llvm::map_to_vector(sums,
                             [&](Count &sum) { return counts.finish(sum); });
}

PlaneTile::Values PlaneTile::emitGroup(ArrayRef<StreamPart> parts, Index codes,
                                       int64_t cellStep, Index firstRow,
                                       int64_t rows, Index step, Values start,
                                       int64_t prefetchLines,
                                       int64_t locality) {
  int64_t cells = PlaneRows::getGroupCells(layout), count = start.size();
  int64_t stepsOfCell = PlaneRows::getCellSteps(layout);
  Source source{parts, codes, firstRow, rows, k.floorDiv(step, stepsOfCell)};
  int64_t perCell = count * layout.bits * planes.bits;
  int64_t atOnce = std::clamp<int64_t>(tuning.unrolledCounts / perCell, 1,
                                       tuning.unrolledCells);
  auto emitPart = [&](Index at, int64_t cells, ValueRange before) {
    Source part = source;
    part.cell = k.add(source.cell, at);
    part.codes = k.add(codes, k.mul(at, layout.bits * PackedLayout::kLine));
    fetchAhead(parts, part.codes, cellStep, cells * stepsOfCell, prefetchLines,
               locality);
    return emitCells(part, cells, before);
  };
  Values sums(count * getWeights(), k.splatInteger(32, 0, tuning.lanes));
  int64_t whole = cells / atOnce * atOnce;
  sums = k.forLoop(0, whole, atOnce, sums, [&](Index at, ValueRange v) {
    return emitPart(at, atOnce, v);
  });
  if (whole < cells)
    sums = emitPart(whole, cells - whole, sums);
  // The highest i + j first.
  Values total = llvm::to_vector(ValueRange(sums).take_back(count));
  for (int64_t weight = getWeights() - 2; weight >= 0; --weight)
    total = add(add(total, total), ValueRange(sums).slice(weight * count, count));
  return add(layout.step == 2 ? add(total, total) : total, start);
}
