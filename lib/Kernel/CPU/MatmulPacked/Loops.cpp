//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, panels, tiles, groups.
//
// A row's results do not depend on the tile that it is in: integer sums are
// exact, and the f32 sum adds the groups in order.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

/// Steps of a block of groups that are unrolled.
static constexpr int64_t kMostUnrolledSteps = 16;
/// Blocks of no more steps and integer sums are read strictly in order: scales,
/// which lie behind the codes of all groups, are loaded when all sums are
/// there. One line of nine out of order costs 15 % of the DRAM bandwidth.
static constexpr int64_t kMostStepsInOrder = 128, kMostSumsOfBlock = 8;

int64_t PackedLoops::getRowsAtOnce(KernelBuilder &k, ValueRange operands,
                                   int64_t most) {
  Index m = k.rows(operands[0]);
  if (!m.isConstant() || m.offset <= most)
    return m.isConstant() ? std::max<int64_t>(m.offset, 1) : most;
  return llvm::divideCeil(m.offset, llvm::divideCeil(m.offset, most));
}

PackedLoops::PackedLoops(KernelBuilder &k, MatmulOp op,
                         const PackedLayout &layout,
                         ArrayRef<TileTuning> tunings, int64_t rowsAtOnce,
                         TileSums &tiles, SignedRows &activations,
                         ValueRange operands)
    : k(k), op(op), layout(layout), tunings(tunings), m(k.rows(operands[0])),
      rowsAtOnce(rowsAtOnce),
      output(k.activation(operands.back(), {}, op.getOutputQuantAttr())),
      packed(operands[1]), tiles(tiles), activations(activations),
      lanes(tiles.lanes()),
      factors(k, packed, lanes, k.target.avx2 || k.target.avx512f) {
  if (op.getBias())
    bias = operands[2];
  if (op.getResidual())
    residual = k.activation(operands[operands.size() - 2], {},
                            op.getResidualQuantAttr());
}

void PackedLoops::emit() {
  auto emitBlock = [&](Index first, Index count) {
    k.forLoop(0, count, 1,
              [&](Index row) { tiles.emitRow(k.add(first, row), row); });
    emitRows(first, count);
  };
  if (m.isConstant()) {
    // The last block overlaps its neighbour: it has as many rows as the others.
    k.parallelFor(0, llvm::divideCeil(m.offset, rowsAtOnce), 1, [&](Index block) {
      emitBlock(k.min(k.mul(block, rowsAtOnce), m.offset - rowsAtOnce),
                rowsAtOnce);
    });
    return;
  }
  k.forLoop(0, m, rowsAtOnce, [&](Index first) {
    emitBlock(first, k.min(k.sub(m, first), rowsAtOnce));
  });
}

void PackedLoops::emitRows(Index first, Index count) {
  int64_t least = 1;
  for (const TileTuning &tile : tunings) {
    int64_t most = tile.maxRows;
    if (count.isConstant()) {
      if (count.offset <= most)
        return emitPanels(tile, least, first, count);
      continue;
    }
    if (least <= rowsAtOnce) {
      Value isLeast = arith::CmpIOp::create(k.b, arith::CmpIPredicate::uge,
                                            k.value(count), k.index(least));
      Value isMost = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ule,
                                           k.value(count), k.index(most));
      k.ifThen(arith::AndIOp::create(k.b, isLeast, isMost), [&] {
        emitPanels(tile, least, first, least == most ? Index(most) : count);
      });
    }
    least = most + 1;
  }
}

void PackedLoops::emitPanels(const TileTuning &tile, int64_t least, Index first,
                             Index count) {
  int64_t lowest = getLowestTile(least, tile.maxRows, tile.rows);
  auto emitPanel = [&](const Panel &panel) {
    k.forRowTiles(count, tile.rows, [&](Index row, int64_t height) {
      if (count.isConstant() || height >= lowest)
        emitTile(tile, panel, {row, k.add(first, row), height});
    }, /*parallel=*/true);
  };
  // Full panels end before the last column; another one has what is left.
  int64_t full = layout.rows / lanes / tile.vectors;
  int64_t all = llvm::divideCeil(layout.rows, lanes);
  k.parallelFor(0, full, 1, [&](Index panel) {
    emitPanel(makePanel(k.mul(panel, tile.vectors), tile.vectors,
                        tile.vectors * lanes));
  });
  int64_t done = full * tile.vectors;
  if (done < all)
    k.parallelOnce(
        [&] {
          emitPanel(makePanel(done, all - done, layout.rows - done * lanes));
        },
        KernelBuilder::Units::Joined);
}

PackedLoops::Panel PackedLoops::makePanel(Index firstVector, int64_t vectors,
                                          int64_t columns) {
  Panel panel{getStreamParts(k, layout, lanes, firstVector, vectors),
              k.mul(firstVector, lanes), columns, {}};
  for (int64_t v = 0; v < vectors; ++v) {
    Value values = k.splatF32(0.0, lanes);
    if (bias)
      values = k.loadPartial(bias, panel.column + v * lanes, lanes,
                             columns - v * lanes);
    panel.bias.push_back(values);
  }
  return panel;
}

void PackedLoops::emitTile(const TileTuning &tile, const Panel &panel,
                           const Rows &rows) {
  emitResults(panel, rows,
              layout.isGrouped() ? emitGroups(tile, panel, rows)
                                 : emitOneGroup(tile, panel, rows));
}

//===----------------------------------------------------------------------===//
// Where sums start
//===----------------------------------------------------------------------===//

PackedLoops::Values PackedLoops::emitStart(const Panel &panel, const Rows &rows,
                                           Index group,
                                           ArrayRef<Value> zeroPoints) {
  Values start;
  for (int64_t row = 0; row < rows.count; ++row) {
    Value sum =
        k.broadcast(activations.loadSum(rows.scratch + row, group), lanes);
    for (size_t v = 0; v < panel.parts.size(); ++v)
      start.push_back(
          layout.zeroPoints
              ? arith::MulIOp::create(k.b, zeroPoints[v], sum).getResult()
              : sum);
  }
  return start;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

PackedLoops::Values PackedLoops::emitOneGroup(const TileTuning &tile,
                                              const Panel &panel,
                                              const Rows &rows) {
  auto reals = VectorType::get(lanes, k.b.getF32Type());
  int64_t behind = layout.getFactorsOffset();
  SmallVector<Value> zeroPoints;
  if (layout.zeroPoints)
    for (const StreamPart &part : panel.parts)
      zeroPoints.push_back(
          factors.loadIntegers(part, behind + PackedLayout::kZeroPoints, 4));
  Values sums = tiles.emitGroup(panel.parts, 0, 0, rows.scratch, rows.count, 0,
                                emitStart(panel, rows, 0, zeroPoints),
                                tile.prefetchLines, tile.locality);
  for (auto [v, part] : llvm::enumerate(panel.parts)) {
    Value levels = factors.loadIntegers(part, layout.getSumsOffset(), 4);
    Value scale = factors.loadReals(part, behind + PackedLayout::kScales, 4);
    for (int64_t row = 0; row < rows.count; ++row) {
      Value &sum = sums[row * panel.parts.size() + v];
      Value offset =
          k.broadcast(activations.loadOffset(rows.scratch + row), lanes);
      sum = arith::AddIOp::create(k.b, sum,
                                  arith::MulIOp::create(k.b, levels, offset));
      sum = k.mulf(arith::SIToFPOp::create(k.b, reals, sum), scale);
    }
  }
  return sums;
}

PackedLoops::Values PackedLoops::emitGroups(const TileTuning &tile,
                                            const Panel &panel,
                                            const Rows &rows) {
  // Starting at the correction for the activations' zero points.
  Values sums;
  if (activations.isGrouped())
    sums.assign(rows.count * panel.parts.size(), k.splatF32(0.0, lanes));
  for (int64_t row = 0; row < rows.count && !activations.isGrouped(); ++row) {
    Value offset = arith::SIToFPOp::create(
        k.b, k.b.getF32Type(), activations.loadOffset(rows.scratch + row));
    for (const StreamPart &part : panel.parts)
      sums.push_back(k.mulf(k.broadcast(offset, lanes),
                            factors.loadReals(part, layout.getSumsOffset(), 4)));
  }
  sums =
      k.forLoop(0, layout.fullBlocks, 1, sums, [&](Index block, ValueRange v) {
        return emitBlock(tile, panel, rows, getBlock(block, layout.blockGroups),
                         v);
      });
  if (layout.lastGroups)
    sums = emitBlock(tile, panel, rows,
                     getBlock(layout.fullBlocks, layout.lastGroups), sums);
  return sums;
}

PackedLoops::Block PackedLoops::getBlock(Index block, int64_t groups) {
  return {k.mul(block, layout.getBlockBytes(layout.blockGroups)),
          k.mul(block, layout.blockGroups), groups};
}

PackedLoops::Values PackedLoops::emitBlock(const TileTuning &tile,
                                           const Panel &panel, const Rows &rows,
                                           const Block &block,
                                           ValueRange before) {
  // Groups that share a cell have to be unrolled.
  int64_t steps = block.groups * layout.groupSteps;
  int64_t sums = block.groups * int64_t(before.size());
  bool isShared = layout.groupSteps < layout.cellSteps;
  if (sums <= kMostSumsOfBlock && steps <= kMostStepsInOrder)
    return emitInOrder(tile, panel, rows, block, before);
  auto emitGroup = [&](Index group, ValueRange before) {
    SmallVector<Value> scales = loadScales(panel, rows, block, group);
    Values levels = emitLevels(tile, panel, rows, block, group);
    return addScaled(levels, scales, before);
  };
  if (!isShared && steps > kMostUnrolledSteps)
    return k.forLoop(0, block.groups, 1, before, emitGroup);
  Values next(before);
  for (int64_t group = 0; group < block.groups; ++group)
    next = emitGroup(group, next);
  return next;
}

/// Reads a block from its first byte to its last.
PackedLoops::Values PackedLoops::emitInOrder(const TileTuning &tile,
                                             const Panel &panel,
                                             const Rows &rows,
                                             const Block &block,
                                             ValueRange before) {
  SmallVector<Values> levels;
  for (int64_t group = 0; group < block.groups; ++group)
    levels.push_back(emitLevels(tile, panel, rows, block, group));
  k.keepLoadsInOrder();
  Values next(before);
  for (int64_t group = 0; group < block.groups; ++group)
    next =
        addScaled(levels[group], loadScales(panel, rows, block, group), next);
  return next;
}

SmallVector<Value> PackedLoops::loadScales(const Panel &panel, const Rows &rows,
                                           const Block &block, Index group) {
  SmallVector<Value> scales;
  Index at =
      k.add(block.at, k.mul(group, PackedLayout::kRows * layout.scaleBytes));
  for (const StreamPart &part : panel.parts)
    scales.push_back(factors.loadReals(
        part, at + layout.getScaleOffset(block.groups, 0), layout.scaleBytes));
  if (!activations.isGrouped())
    return scales;
  SmallVector<Value> products;
  for (int64_t row = 0; row < rows.count; ++row) {
    Value scale =
        k.broadcast(activations.loadScale(rows.scratch + row,
                                          k.add(block.firstGroup, group)),
                    lanes);
    for (Value ofWeight : scales)
      products.push_back(k.mulf(ofWeight, scale));
  }
  return products;
}

PackedLoops::Values PackedLoops::emitLevels(const TileTuning &tile,
                                            const Panel &panel,
                                            const Rows &rows,
                                            const Block &block, Index group) {
  int64_t cellStep = 0;
  Index codes = block.at;
  if (group.isConstant()) {
    int64_t step = group.offset * layout.groupSteps;
    cellStep = step % layout.cellSteps;
    codes = codes +
            step / layout.cellSteps * layout.cellLines * PackedLayout::kLine;
  } else {
    codes = k.add(codes, k.mul(group, layout.getCodeBytes(1)));
  }
  SmallVector<Value> zeroPoints;
  for (const StreamPart &part : panel.parts)
    if (layout.zeroPoints)
      zeroPoints.push_back(
          factors.loadIntegers(part,
                       k.add(block.at, k.mul(group, PackedLayout::kRows)) +
                           layout.getZeroPointOffset(block.groups, 0),
                       1));
  Index global = k.add(block.firstGroup, group);
  return tiles.emitGroup(panel.parts, codes, cellStep, rows.scratch, rows.count,
                         k.mul(global, layout.groupSteps),
                         emitStart(panel, rows, global, zeroPoints),
                         tile.prefetchLines, tile.locality);
}

PackedLoops::Values PackedLoops::addScaled(ArrayRef<Value> levels,
                                           ArrayRef<Value> scales,
                                           ValueRange before) {
  auto reals = VectorType::get(lanes, k.b.getF32Type());
  Values next;
  for (auto [i, level] : llvm::enumerate(levels))
    next.push_back(k.fma(arith::SIToFPOp::create(k.b, reals, level),
                         scales[i % scales.size()], before[i]));
  return next;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void PackedLoops::emitResults(const Panel &panel, const Rows &rows,
                              const Values &sums) {
  int64_t vectors = panel.parts.size();
  for (int64_t row = 0; row < rows.count; ++row) {
    Index to = k.add(k.mul(rows.output + row, layout.rows), panel.column);
    Value scale;
    if (!activations.isGrouped())
      scale = k.broadcast(activations.loadScale(rows.scratch + row), lanes);
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t left = panel.columns - v * lanes;
      Value sum = sums[row * vectors + v];
      Value result =
          scale ? k.fma(sum, scale, panel.bias[v]) : k.addf(sum, panel.bias[v]);
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
