//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, panels, tiles, results.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/PanelLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

PanelLoops::PanelLoops(KernelBuilder &k, MatmulOp op,
                       const PackedLayout &layout, ValueRange operands,
                       int64_t lanes, bool convertsHalves)
    : k(k), op(op), layout(layout), m(k.rows(operands[0])),
      output(k.activation(operands.back(), {}, op.getOutputQuantAttr())),
      packed(operands[1]), lanes(lanes),
      factors(k, packed, lanes, convertsHalves) {
  if (op.getBias())
    bias = operands[2];
  if (op.getResidual())
    residual = k.activation(operands[operands.size() - 2], {},
                            op.getResidualQuantAttr());
}

int64_t PanelLoops::getBlockHeight(Index rows, int64_t most, int64_t tile) {
  if (!rows.isConstant())
    return most < tile ? most : most / tile * tile;
  if (rows.offset <= most)
    return std::max<int64_t>(rows.offset, 1);
  // Every block reads the weight anew, which takes as long as a few rows more.
  constexpr int64_t kRowsOfReading = 2;
  auto getCost = [&](int64_t height) {
    return int64_t(llvm::divideCeil(rows.offset, height)) *
           (int64_t(llvm::alignTo(height, tile)) + kRowsOfReading);
  };
  int64_t best = 1;
  for (int64_t height = 2; height <= most; ++height)
    if (getCost(height) < getCost(best))
      best = height;
  return best;
}

void PanelLoops::forRowBlocks(int64_t height,
                              function_ref<void(Index, Index)> body,
                              bool parallel) {
  if (m.isConstant()) {
    // The last block overlaps its neighbour: it has as many rows as the others.
    int64_t blocks = llvm::divideCeil(m.offset, height);
    auto emitBlock = [&](Index block) {
      body(k.min(k.mul(block, height), m.offset - height), height);
    };
    if (parallel)
      return k.parallelFor(0, blocks, 1, emitBlock);
    return k.forLoop(0, blocks, 1, emitBlock);
  }
  k.forLoop(0, m, height,
            [&](Index first) { body(first, k.min(k.sub(m, first), height)); });
}

int64_t PanelLoops::getLowestTile(int64_t least, int64_t most, int64_t rows) {
  int64_t lowest = rows;
  for (int64_t count = least; count <= std::min(most, least + 2 * rows);
       ++count)
    lowest = std::min<int64_t>(lowest, count / llvm::divideCeil(count, rows));
  return lowest;
}

void PanelLoops::ifBetween(int64_t least, int64_t most, Index count,
                           function_ref<void(Index)> body) {
  Value isLeast = arith::CmpIOp::create(k.b, arith::CmpIPredicate::uge,
                                        k.value(count), k.index(least));
  Value isMost = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ule,
                                       k.value(count), k.index(most));
  k.ifThen(arith::AndIOp::create(k.b, isLeast, isMost),
           [&] { body(least == most ? Index(most) : count); });
}

void PanelLoops::forPanels(int64_t vectors,
                           function_ref<void(const Panel &)> body) {
  // Full panels end before the last column; another one has what is left.
  int64_t full = layout.rows / lanes / vectors;
  int64_t all = llvm::divideCeil(layout.rows, lanes);
  k.parallelFor(0, full, 1, [&](Index panel) {
    body(makePanel(k.mul(panel, vectors), vectors, vectors * lanes));
  });
  int64_t done = full * vectors;
  if (done < all)
    k.parallelOnce(
        [&] { body(makePanel(done, all - done, layout.rows - done * lanes)); },
        KernelBuilder::Units::Joined);
}

PanelLoops::Panel PanelLoops::makePanel(Index firstVector, int64_t vectors,
                                        int64_t columns) {
  Panel panel{getStreamParts(k, layout, lanes, firstVector, vectors),
              k.mul(firstVector, lanes),
              columns,
              {}};
  for (int64_t v = 0; v < vectors; ++v)
    panel.bias.push_back(bias ? k.loadPartial(bias, panel.column + v * lanes,
                                              lanes, columns - v * lanes)
                              : k.splatF32(0.0, lanes));
  return panel;
}

void PanelLoops::forTiles(int64_t height, int64_t lowest, Index first,
                          Index count, function_ref<void(const Rows &)> body,
                          bool parallel) {
  k.forRowTiles(
      count, height,
      [&](Index row, int64_t rows) {
        if (count.isConstant() || rows >= lowest)
          body({row, k.add(first, row), rows});
      },
      parallel);
}

PanelLoops::Values
PanelLoops::forBlocks(ValueRange init,
                      function_ref<Values(const Block &, ValueRange)> body) {
  auto visit = [&](Index block, int64_t groups, ValueRange values) {
    return body({k.mul(block, layout.getBlockBytes(layout.blockGroups)),
                 k.mul(block, layout.blockGroups), groups},
                values);
  };
  Values values =
      k.forLoop(0, layout.fullBlocks, 1, init, [&](Index block, ValueRange v) {
        return visit(block, layout.blockGroups, v);
      });
  if (layout.lastGroups)
    values = visit(layout.fullBlocks, layout.lastGroups, values);
  return values;
}

PanelLoops::Values PanelLoops::loadScales(const Panel &panel,
                                          const Block &block, Index group) {
  Index at = layout.getFactorsOffset() + PackedLayout::kScales;
  if (layout.isGrouped())
    at =
        k.add(block.at, k.mul(group, PackedLayout::kRows * layout.scaleBytes)) +
        layout.getScaleOffset(block.groups, 0);
  Values scales;
  for (const StreamPart &part : panel.parts)
    scales.push_back(factors.loadReals(part, at, layout.scaleBytes));
  return scales;
}

PanelLoops::Values PanelLoops::addScaled(ArrayRef<Value> sums,
                                         ArrayRef<Value> scales,
                                         ValueRange before) {
  Values result;
  for (auto [i, sum] : llvm::enumerate(sums))
    result.push_back(k.fma(sum, scales[i % scales.size()], before[i]));
  return result;
}

PanelLoops::Values PanelLoops::startWithBias(const Panel &panel,
                                             const Rows &rows) {
  Values start;
  for (int64_t row = 0; row < rows.count; ++row)
    llvm::append_range(start, panel.bias);
  return start;
}

void PanelLoops::emitResults(const Panel &panel, const Rows &rows,
                             ArrayRef<Value> sums) {
  int64_t vectors = panel.vectors();
  for (int64_t row = 0; row < rows.count; ++row) {
    Index to = k.add(k.mul(rows.output + row, layout.rows), panel.column);
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t left = panel.columns - v * lanes;
      Value result = sums[row * vectors + v];
      if (residual) {
        Value more =
            k.loadPartial(residual->buffer, to + v * lanes, lanes, left);
        result =
            k.addf(result, residual->quant ? k.dequantize(more, residual->quant)
                                           : more);
      }
      result = output.quant
                   ? k.quantize(result, output.quant, op.getClampAttr())
                   : k.clamp(result, op.getClampAttr());
      k.storePartial(result, output.buffer, to + v * lanes, left);
    }
  }
}
