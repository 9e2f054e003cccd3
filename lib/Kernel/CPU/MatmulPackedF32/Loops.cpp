//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, panels, groups, tiles.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

static constexpr int64_t kColumns = PackedLayout::kColumns;

FloatLoops::FloatLoops(KernelBuilder &k, MatmulOp op,
                       const PackedLayout &layout, const Tuning &tuning,
                       ValueRange operands)
    : PanelLoops(k, op, layout, operands, Decoder::getLanes(tuning.isa),
                 tuning.isa != Isa::Portable),
      tuning(tuning), decoder(k, this->layout, tuning.isa, packed),
      activations(k, this->layout, operands[0], op.getInputQuantAttr(),
                  decoder.getType(), tuning.rowsAtOnce, tuning.activationBytes),
      rowsAtOnce(getBlockHeight(m, activations.getRowsAtOnce())) {}

void FloatLoops::emit() {
  forRowBlocks(rowsAtOnce, [&](Index first, Index count) {
    activations.emitBlock(first, count);
    forTuning<TileTuning>(
        tuning.tiles, count, rowsAtOnce,
        [&](const TileTuning &tile, int64_t lowest, Index count) {
          forPanels(tile.vectors, [&](const Panel &panel) {
            emitPanel(tile, lowest, panel, first, count);
          });
        });
  });
}

void FloatLoops::emitPanel(const TileTuning &tile, int64_t lowest,
                           const Panel &panel, Index first, Index count) {
  if (tile.buffered)
    return emitBuffered(tile, lowest, panel, first, count);
  auto visit = [&](const Rows &rows) {
    emitResults(panel, rows, emitTile(tile, panel, rows));
  };
  forTiles(tile.rows, lowest, first, count, visit, /*parallel=*/false);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

bool FloatLoops::isUnrolled(int64_t groups) const {
  return layout.groupSteps < layout.cellSteps ||
         groups * layout.groupSteps <= tuning.unrolledSteps;
}

FloatLoops::Group FloatLoops::getGroup(const Panel &panel, const Block &block,
                                       Index index) {
  Group group{block.at,
              0,
              k.mul(k.add(block.firstGroup, index), layout.groupSteps),
              {}};
  if (index.isConstant()) {
    int64_t step = index.offset * layout.groupSteps;
    group.cellStep = step % layout.cellSteps;
    group.codes = block.at + step / layout.cellSteps * layout.cellLines *
                                 PackedLayout::kLine;
  } else {
    group.codes = k.add(block.at, k.mul(index, layout.getCodeBytes(1)));
  }
  Index row = k.mul(index, PackedLayout::kRows);
  for (const StreamPart &part : panel.parts) {
    Value zeroPoints;
    if (layout.zeroPoints)
      zeroPoints = layout.isGrouped()
                       ? factors.loadIntegers(
                             part,
                             k.add(block.at, row) +
                                 layout.getZeroPointOffset(block.groups, 0),
                             1)
                       : factors.loadIntegers(part,
                                              layout.getFactorsOffset() +
                                                  PackedLayout::kZeroPoints,
                                              4);
    group.offsets.push_back(decoder.getOffset(zeroPoints));
  }
  return group;
}

FloatLoops::Values FloatLoops::makeZeros(const Panel &panel, int64_t rows) {
  return Values(rows * panel.vectors(), k.splatF32(0.0, lanes));
}

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

FloatLoops::Values FloatLoops::emitTile(const TileTuning &tile,
                                        const Panel &panel, const Rows &rows) {
  return forBlocks(startWithBias(panel, rows), [&](const Block &block,
                                                   ValueRange before) {
    if (isLong())
      return k.forLoop(
          0, block.groups, 1, before, [&](Index index, ValueRange before) {
            Values sums =
                emitLongGroup(tile, panel, rows, getGroup(panel, block, index));
            return addScaled(sums, loadScales(panel, block, index), before);
          });
    int64_t most = tile.pieces, whole = block.groups / most * most;
    auto emitSome = [&](Index first, int64_t count, ValueRange before) {
      return emitSmallGroups(tile, panel, rows, block, first, count, before);
    };
    Values sums(before);
    if (isUnrolled(block.groups))
      for (int64_t first = 0; first < whole; first += most)
        sums = emitSome(first, most, sums);
    else
      sums = k.forLoop(0, whole, most, sums, [&](Index first, ValueRange v) {
        return emitSome(first, most, v);
      });
    return whole < block.groups ? emitSome(whole, block.groups - whole, sums)
                                : sums;
  });
}

FloatLoops::Values
FloatLoops::emitSmallGroups(const TileTuning &tile, const Panel &panel,
                            const Rows &rows, const Block &block, Index first,
                            int64_t count, ValueRange before) {
  SmallVector<Group> groups;
  for (int64_t i = 0; i < count; ++i)
    groups.push_back(getGroup(panel, block, first + i));
  Values products = emitPieces(tile, panel, rows, groups, layout.groupSteps);
  // The scales lie behind the codes: the hardware follows a stream that is read
  // in order.
  k.keepLoadsInOrder();
  Values sums(before);
  size_t each = sums.size();
  for (int64_t i = 0; i < count; ++i)
    sums = addScaled(ArrayRef(products).slice(i * each, each),
                     loadScales(panel, block, first + i), sums);
  return sums;
}

FloatLoops::Group FloatLoops::getPiece(const Group &group, Index step) {
  Group piece = group;
  piece.step = k.add(group.step, step);
  piece.codes =
      k.add(group.codes, k.mul(step, layout.bits * PackedLayout::kLine / 8));
  return piece;
}

FloatLoops::Values FloatLoops::emitLongGroup(const TileTuning &tile,
                                             const Panel &panel,
                                             const Rows &rows,
                                             const Group &group) {
  auto emitSome = [&](Index first, int64_t count, int64_t steps,
                      ValueRange before) {
    SmallVector<Group> pieces;
    for (int64_t i = 0; i < count; ++i)
      pieces.push_back(getPiece(group, first + i * tuning.pieceSteps));
    Values products = emitPieces(tile, panel, rows, pieces, steps);
    Values sums(before);
    for (auto [i, product] : llvm::enumerate(products)) {
      Value &sum = sums[i % sums.size()];
      sum = k.addf(sum, product);
    }
    return sums;
  };
  int64_t steps = tuning.pieceSteps, pieces = layout.groupSteps / steps;
  int64_t whole = pieces / tile.pieces * tile.pieces;
  Values sums =
      k.forLoop(0, whole * steps, tile.pieces * steps,
                makeZeros(panel, rows.count), [&](Index at, ValueRange v) {
                  return emitSome(at, tile.pieces, steps, v);
                });
  if (whole < pieces)
    sums = emitSome(whole * steps, pieces - whole, steps, sums);
  if (int64_t rest = layout.groupSteps % steps)
    sums = emitSome(pieces * steps, 1, rest, sums);
  return sums;
}

FloatLoops::Values FloatLoops::emitPieces(const TileTuning &tile,
                                          const Panel &panel, const Rows &rows,
                                          ArrayRef<Group> pieces,
                                          int64_t steps) {
  int64_t most = tuning.unrolledSteps; // whole cells
  int64_t whole = steps / most * most;
  auto emitSome = [&](Index at, int64_t count, ValueRange before) {
    SmallVector<Group> some;
    for (const Group &piece : pieces)
      some.push_back(getPiece(piece, at));
    return emitSteps(tile, panel, rows, some, count, before);
  };
  Values zeros;
  for (size_t i = 0; i < pieces.size(); ++i)
    llvm::append_range(zeros, makeZeros(panel, rows.count));
  Values sums = k.forLoop(0, whole, most, zeros, [&](Index at, ValueRange v) {
    return emitSome(at, most, v);
  });
  return whole < steps ? emitSome(whole, steps - whole, sums) : sums;
}

FloatLoops::Values FloatLoops::emitSteps(const TileTuning &tile,
                                         const Panel &panel, const Rows &rows,
                                         ArrayRef<Group> pieces, int64_t steps,
                                         ValueRange before) {
  Values sums(before);
  int64_t vectors = panel.vectors();
  SmallVector<Decoder::Cells> cells; // [piece][vector]
  for (const Group &piece : pieces)
    for (int64_t v = 0; v < vectors; ++v) {
      cells.push_back({panel.parts[v], piece.codes, piece.offsets[v]});
      if (pieces.size() > 1)
        decoder.loadLines(cells.back(), piece.cellStep, steps);
    }
  for (int64_t step = 0; step < steps; ++step) {
    k.keepLoadsInOrder();
    for (const Group &piece : pieces)
      fetchAhead(tile, panel, piece, step);
    SmallVector<Decoder::Step> codes;
    for (size_t i = 0; i < cells.size(); ++i)
      codes.push_back(
          decoder.getStep(cells[i], pieces[i / vectors].cellStep + step));
    for (int64_t column = 0; column < kColumns; column += decoder.columns())
      for (auto [p, piece] : llvm::enumerate(pieces)) {
        Values levels;
        for (int64_t v = 0; v < vectors; ++v)
          levels.push_back(decoder.emitLevels(codes[p * vectors + v], column));
        auto ofPiece = MutableArrayRef(sums).slice(p * rows.count * vectors,
                                                   rows.count * vectors);
        emitProducts(levels, rows, k.add(piece.step, step), column, ofPiece);
      }
  }
  return sums;
}

void FloatLoops::emitProducts(ArrayRef<Value> levels, const Rows &rows,
                              Index step, int64_t column,
                              MutableArrayRef<Value> sums) {
  for (int64_t row = 0; row < rows.count; ++row) {
    Value x =
        activations.broadcast(k.add(rows.block, row), step, column, lanes);
    for (auto [v, level] : llvm::enumerate(levels)) {
      Value &sum = sums[row * levels.size() + v];
      sum = decoder.columns() == 2 ? k.dotPairs(sum, level, x)
                                   : k.fma(level, x, sum);
    }
  }
}

void FloatLoops::fetchAhead(const TileTuning &tile, const Panel &panel,
                            const Group &group, int64_t step) {
  if (!tile.prefetchLines)
    return;
  int64_t first = (group.cellStep + step) * layout.bits / 8;
  int64_t end = (group.cellStep + step + 1) * layout.bits / 8;
  for (const StreamPart &part : panel.parts) {
    // The second half of a stream's rows is in the same lines.
    if (part.row.isConstant() && part.row.offset)
      continue;
    for (int64_t line = first; line < end; ++line) {
      Index at = k.add(part.stream, group.codes) +
                 (line + tile.prefetchLines) * PackedLayout::kLine;
      memref::PrefetchOp::create(k.b, packed, k.value(at), /*isWrite=*/false,
                                 tile.locality, /*isDataCache=*/true);
    }
  }
}

//===----------------------------------------------------------------------===//
// Many rows
//===----------------------------------------------------------------------===//

void FloatLoops::forBufferedTiles(const TileTuning &tile, Index count,
                                  function_ref<void(const Rows &)> body) {
  forTiles(tile.rows, lowestBuffered, 0, count, body, /*parallel=*/false);
}

void FloatLoops::emitBuffered(const TileTuning &tile, int64_t lowest,
                              const Panel &panel, Index first, Index count) {
  lowestBuffered = lowest;
  if (!buffer) {
    int64_t width = tile.vectors * lanes;
    int64_t steps = tuning.bufferSteps;
    if (!isLong())
      steps = layout.blockGroups * layout.groupSteps;
    Type f32 = k.b.getF32Type();
    buffer = k.stackBuffer(decoder.getType(), steps * kColumns * width);
    totals = k.stackBuffer(f32, rowsAtOnce * width);
    partials = k.stackBuffer(f32, rowsAtOnce * width);
  }
  k.forLoop(0, count, 1,
            [&](Index row) { storeSums(panel.bias, totals, panel, row); });
  forBlocks({}, [&](const Block &block, ValueRange) {
    if (!isLong())
      emitBufferedGroups(tile, panel, count, block, 0, block.groups);
    else
      k.forLoop(0, block.groups, 1, [&](Index index) {
        if (layout.groupSteps <= tuning.bufferSteps)
          emitBufferedGroups(tile, panel, count, block, index, 1);
        else
          emitBufferedParts(tile, panel, count, getGroup(panel, block, index),
                            loadScales(panel, block, index));
      });
    return Values{};
  });
  k.forLoop(0, count, 1, [&](Index row) {
    emitResults(panel, {row, k.add(first, row), 1},
                loadSums(totals, panel, row, 1));
  });
}

void FloatLoops::emitBufferedGroups(const TileTuning &tile, const Panel &panel,
                                    Index count, const Block &block,
                                    Index first, int64_t groups) {
  for (int64_t i = 0; i < groups; ++i)
    decode(panel, getGroup(panel, block, first + i), layout.groupSteps,
           i * layout.groupSteps);
  forBufferedTiles(tile, count, [&](const Rows &rows) {
    Values sums = loadSums(totals, panel, rows.block, rows.count);
    for (int64_t i = 0; i < groups; ++i) {
      Index step = k.mul(k.add(block.firstGroup, first + i), layout.groupSteps);
      Values products =
          multiplyPieces(panel, rows.block, rows.count, step,
                         i * layout.groupSteps, layout.groupSteps, {});
      sums = addScaled(products, loadScales(panel, block, first + i), sums);
    }
    storeSums(sums, totals, panel, rows.block);
  });
}

void FloatLoops::emitBufferedParts(const TileTuning &tile, const Panel &panel,
                                   Index count, const Group &group,
                                   ArrayRef<Value> scales) {
  k.forLoop(0, count, 1, [&](Index row) {
    storeSums(makeZeros(panel, 1), partials, panel, row);
  });
  int64_t most = tuning.bufferSteps, whole = layout.groupSteps / most * most;
  auto emitSome = [&](Index at, int64_t steps) {
    Group pieces = getPiece(group, at);
    decode(panel, pieces, steps, 0);
    forBufferedTiles(tile, count, [&](const Rows &rows) {
      Values sums = loadSums(partials, panel, rows.block, rows.count);
      storeSums(multiplyPieces(panel, rows.block, rows.count, pieces.step, 0,
                               steps, sums),
                partials, panel, rows.block);
    });
  };
  k.forLoop(0, whole, most, [&](Index at) { emitSome(at, most); });
  if (whole < layout.groupSteps)
    emitSome(whole, layout.groupSteps - whole);
  k.forLoop(0, count, 1, [&](Index row) {
    storeSums(addScaled(loadSums(partials, panel, row, 1), scales,
                        loadSums(totals, panel, row, 1)),
              totals, panel, row);
  });
}

FloatLoops::Values FloatLoops::multiplyPieces(const Panel &panel, Index row,
                                              int64_t rows, Index step,
                                              int64_t from, int64_t steps,
                                              Values sums) {
  for (int64_t at = 0; at < steps; at += tuning.pieceSteps) {
    Values products = multiply(panel, row, rows, k.add(step, at), from + at,
                               std::min(tuning.pieceSteps, steps - at));
    if (sums.empty())
      sums = products;
    else
      for (auto [sum, product] : llvm::zip_equal(sums, products))
        sum = k.addf(sum, product);
  }
  return sums;
}

void FloatLoops::decode(const Panel &panel, const Group &group, int64_t steps,
                        Index to) {
  int64_t most = layout.cellSteps, width = panel.vectors() * lanes;
  auto emitSteps = [&](Index codes, Index to, int64_t count) {
    for (auto [v, part] : llvm::enumerate(panel.parts)) {
      Decoder::Cells cells{part, codes, group.offsets[v]};
      for (int64_t step = 0; step < count; ++step) {
        Decoder::Step loaded = decoder.getStep(cells, group.cellStep + step);
        for (int64_t column = 0; column < kColumns; column += decoder.columns())
          k.storeVector(decoder.emitLevels(loaded, column), buffer,
                        k.mul(to + step, kColumns * width) +
                            (column * width + int64_t(v) * decoder.elements()));
      }
    }
  };
  int64_t whole = steps / most * most;
  k.forLoop(0, whole, most, [&](Index at) {
    emitSteps(
        k.add(group.codes, k.mul(at, layout.bits * PackedLayout::kLine / 8)),
        k.add(to, at), most);
  });
  if (whole < steps)
    emitSteps(group.codes +
                  whole / most * layout.cellLines * PackedLayout::kLine,
              to + whole, steps - whole);
}

FloatLoops::Values FloatLoops::multiply(const Panel &panel, Index row,
                                        int64_t rows, Index step, Index from,
                                        int64_t steps) {
  int64_t width = panel.vectors() * lanes;
  auto emitSteps = [&](Index at, int64_t count, ValueRange before) {
    Values sums(before);
    int64_t elements = decoder.elements();
    for (int64_t i = 0; i < count * kColumns; i += decoder.columns()) {
      k.keepLoadsInOrder();
      Values levels;
      Index source = k.mul(k.add(from, at), kColumns * width) + i * width;
      for (int64_t v = 0; v < panel.vectors(); ++v)
        levels.push_back(k.loadStored(buffer, source + v * elements, elements));
      emitProducts(levels, {row, row, rows}, k.add(step, at) + i / kColumns,
                   i % kColumns, sums);
    }
    return sums;
  };
  constexpr int64_t kUnroll = 2;
  int64_t whole = steps / kUnroll * kUnroll;
  Values sums = k.forLoop(
      0, whole, kUnroll, makeZeros(panel, rows),
      [&](Index at, ValueRange v) { return emitSteps(at, kUnroll, v); });
  if (whole < steps)
    sums = emitSteps(whole, steps - whole, sums);
  return sums;
}

Index FloatLoops::getSum(const Panel &panel, Index row, int64_t i) const {
  int64_t vectors = panel.vectors();
  return k.mul(row + i / vectors, vectors * lanes) + i % vectors * lanes;
}

FloatLoops::Values FloatLoops::loadSums(Value sums, const Panel &panel,
                                        Index row, int64_t rows) {
  Values values;
  for (int64_t i = 0; i < rows * panel.vectors(); ++i)
    values.push_back(k.loadVector(sums, getSum(panel, row, i), lanes));
  return values;
}

void FloatLoops::storeSums(const Values &values, Value sums, const Panel &panel,
                           Index row) {
  for (auto [i, value] : llvm::enumerate(values))
    k.storeVector(value, sums, getSum(panel, row, i));
}
