//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, panels, tiles, results.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/PanelLoops.h"

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

int64_t PanelLoops::getBlockHeight(int64_t most) const {
  if (!m.isConstant() || m.offset <= most)
    return m.isConstant() ? std::max<int64_t>(m.offset, 1) : most;
  return llvm::divideCeil(m.offset, llvm::divideCeil(m.offset, most));
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
  k.forLoop(0, m, height, [&](Index first) {
    body(first, k.min(k.sub(m, first), height));
  });
}

void PanelLoops::forTuning(
    ArrayRef<TileTuning> tiles, Index count, int64_t height,
    function_ref<void(const TileTuning &, int64_t, Index)> body) {
  int64_t least = 1;
  for (const TileTuning &tile : tiles) {
    int64_t most = tile.maxRows;
    if (count.isConstant()) {
      if (count.offset <= most)
        return body(tile, 1, count);
      continue;
    }
    if (least <= height) {
      Value isLeast = arith::CmpIOp::create(k.b, arith::CmpIPredicate::uge,
                                            k.value(count), k.index(least));
      Value isMost = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ule,
                                           k.value(count), k.index(most));
      k.ifThen(arith::AndIOp::create(k.b, isLeast, isMost), [&] {
        body(tile, getLowestTile(least, most, tile.rows),
             least == most ? Index(most) : count);
      });
    }
    least = most + 1;
  }
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
              k.mul(firstVector, lanes), columns, {}};
  for (int64_t v = 0; v < vectors; ++v)
    panel.bias.push_back(bias ? k.loadPartial(bias, panel.column + v * lanes,
                                              lanes, columns - v * lanes)
                              : k.splatF32(0.0, lanes));
  return panel;
}

void PanelLoops::forTiles(const TileTuning &tile, int64_t lowest, Index first,
                          Index count, function_ref<void(const Rows &)> body) {
  k.forRowTiles(count, tile.rows, [&](Index row, int64_t height) {
    if (count.isConstant() || height >= lowest)
      body({row, k.add(first, row), height});
  }, /*parallel=*/true);
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
        result = k.addf(result, residual->quant
                                    ? k.dequantize(more, residual->quant)
                                    : more);
      }
      result = output.quant
                   ? k.quantize(result, output.quant, op.getClampAttr())
                   : k.clamp(result, op.getClampAttr());
      k.storePartial(result, output.buffer, to + v * lanes, left);
    }
  }
}
