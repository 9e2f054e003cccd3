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

PackedLoops::PackedLoops(KernelBuilder &k, MatmulOp op,
                         const PackedLayout &layout,
                         ArrayRef<TileTuning> tunings, int64_t rowsAtOnce,
                         TileSums &tiles, SignedRows &activations,
                         ValueRange operands)
    : PanelLoops(k, op, layout, operands, tiles.lanes(),
                 k.target.avx2 || k.target.avx512f),
      tunings(tunings), rowsAtOnce(rowsAtOnce), tiles(tiles),
      activations(activations) {}

void PackedLoops::emit() {
  forRowBlocks(rowsAtOnce, [&](Index first, Index count) {
    k.forLoop(0, count, 1,
              [&](Index row) { tiles.emitRow(k.add(first, row), row); });
    forTuning<TileTuning>(
        tunings, count, rowsAtOnce,
        [&](const TileTuning &tile, int64_t lowest, Index count) {
          forPanels(tile.vectors, [&](const Panel &panel) {
            forTiles(tile.rows, lowest, first, count, [&](const Rows &rows) {
              emitResults(panel, rows, emitTile(tile, panel, rows));
            });
          });
        });
  });
}

/// With the scales of the activations and the bias.
PackedLoops::Values PackedLoops::emitTile(const TileTuning &tile,
                                          const Panel &panel,
                                          const Rows &rows) {
  Values sums = layout.isGrouped() ? emitGroups(tile, panel, rows)
                                   : emitOneGroup(tile, panel, rows);
  for (int64_t row = 0; row < rows.count; ++row) {
    Value scale;
    if (!activations.isGrouped())
      scale = k.broadcast(activations.loadScale(rows.block + row), lanes);
    for (auto [v, bias] : llvm::enumerate(panel.bias)) {
      Value &sum = sums[row * panel.vectors() + v];
      sum = scale ? k.fma(sum, scale, bias) : k.addf(sum, bias);
    }
  }
  return sums;
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
        k.broadcast(activations.loadSum(rows.block + row, group), lanes);
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
  Values sums = tiles.emitGroup(panel.parts, 0, 0, rows.block, rows.count, 0,
                                emitStart(panel, rows, 0, zeroPoints),
                                tile.prefetchLines, tile.locality);
  for (auto [v, part] : llvm::enumerate(panel.parts)) {
    Value levels = factors.loadIntegers(part, layout.getSumsOffset(), 4);
    Value scale = factors.loadReals(part, behind + PackedLayout::kScales, 4);
    for (int64_t row = 0; row < rows.count; ++row) {
      Value &sum = sums[row * panel.parts.size() + v];
      Value offset =
          k.broadcast(activations.loadOffset(rows.block + row), lanes);
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
        k.b, k.b.getF32Type(), activations.loadOffset(rows.block + row));
    for (const StreamPart &part : panel.parts)
      sums.push_back(k.mulf(k.broadcast(offset, lanes),
                            factors.loadReals(part, layout.getSumsOffset(), 4)));
  }
  return forBlocks(sums, [&](const Block &block, ValueRange before) {
    return emitBlock(tile, panel, rows, block, before);
  });
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
    return addScaled(toReals(levels), scales, before);
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
    next = addScaled(toReals(levels[group]),
                     loadScales(panel, rows, block, group), next);
  int64_t end = layout.getBlockBytes(block.groups) / PackedLayout::kLine;
  for (int64_t line = layout.getCodeBytes(block.groups) / PackedLayout::kLine;
       line < end; ++line)
    for (const StreamPart &part : panel.parts)
      tiles.fetchAhead(part, block.at, line, tile.prefetchLines,
                       tile.locality);
  return next;
}

PackedLoops::Values PackedLoops::loadScales(const Panel &panel,
                                            const Rows &rows,
                                            const Block &block, Index group) {
  Values scales = PanelLoops::loadScales(panel, block, group);
  if (!activations.isGrouped())
    return scales;
  Values products;
  for (int64_t row = 0; row < rows.count; ++row) {
    Value scale = k.broadcast(
        activations.loadScale(rows.block + row, k.add(block.firstGroup, group)),
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
  return tiles.emitGroup(panel.parts, codes, cellStep, rows.block, rows.count,
                         k.mul(global, layout.groupSteps),
                         emitStart(panel, rows, global, zeroPoints),
                         tile.prefetchLines, tile.locality);
}

PackedLoops::Values PackedLoops::toReals(ArrayRef<Value> integers) {
  auto type = VectorType::get(lanes, k.b.getF32Type());
  Values reals;
  for (Value integer : integers)
    reals.push_back(arith::SIToFPOp::create(k.b, type, integer));
  return reals;
}
