//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Stripes, chunks, groups, lines. docs/Rationale/Lookup.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupInt8/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupint8;

static constexpr int64_t kLanes = PackedLayout::kRows,
                         kLine = PackedLayout::kLine;
/// Steps of a line.
static constexpr int64_t kLineSteps = 8;
/// Lines times rows that are unrolled.
static constexpr int64_t kUnrolledLines = 8;
/// Lines of which what is looked up is added as bytes.
static constexpr int64_t kAddedLines = ByteTables::kMostAdded / 2;

static int64_t getMostRows(const PackedLayout &layout, const Tuning &tuning,
                           Index m, unsigned bits) {
  bool isMany = m.isConstant() && m.offset >= tuning.many;
  return std::clamp<int64_t>(Tuning::kTableBytes /
                                 ByteTables::getPitch(layout, bits),
                             1, isMany ? tuning.rowsOfMany : tuning.rows);
}

LookupLoops::LookupLoops(KernelBuilder &k, MatmulOp op,
                         const PackedLayout &layout, const Tuning &tuning,
                         ValueRange operands)
    : PanelLoops(k, op, layout, operands, kLanes, /*convertsHalves=*/true),
      tuning(tuning),
      rowsAtOnce(getBlockHeight(m, getMostRows(
                                     layout, tuning, m,
                                     op.getInputQuantAttr().getBits()))),
      activations(k, this->layout,
                  k.activation(operands[0], {}, op.getInputQuantAttr()),
                  rowsAtOnce, /*sumShift=*/0),
      tables(k, this->layout, activations, rowsAtOnce,
             op.getInputQuantAttr().getBits()),
      stripeStreams(std::min(tuning.streams, layout.streams())) {
  Type element = layout.isGrouped() ? Type(k.b.getF32Type())
                                    : Type(k.b.getI32Type());
  partials = k.stackBuffer(element, rowsAtOnce * stripeStreams * kLanes);
}

void LookupLoops::emit() {
  // Threads share the streams, each with sums of its own.
  forRowBlocks(rowsAtOnce, [&](Index first, Index count) {
    k.forLoop(0, count, 1, [&](Index row) {
      activations.emitRow(k.add(first, row), row);
      tables.emitRow(row);
    });
    k.forRowTiles(count, rowsAtOnce, [&](Index row, int64_t height) {
      emitRows({row, k.add(first, row), height});
    });
  }, /*parallel=*/false);
}

//===----------------------------------------------------------------------===//
// Stripes
//===----------------------------------------------------------------------===//

void LookupLoops::emitRows(const Rows &rows) {
  // The last stripe has what is left, and is not empty.
  int64_t whole = (layout.streams() - 1) / stripeStreams;
  k.forLoop(0, whole, 1, [&](Index stripe) {
    emitStripe(rows, {k.mul(stripe, stripeStreams), stripeStreams,
                      stripeStreams * kLanes});
  });
  int64_t first = whole * stripeStreams;
  emitStripe(rows, {first, layout.streams() - first,
                    layout.rows - first * kLanes});
}

void LookupLoops::emitStripe(const Rows &rows, const Stripe &stripe) {
  int64_t last = layout.chunks - 1;
  startSums(rows, stripe);
  k.forLoop(0, last, 1, [&](Index chunk) {
    emitChunk(rows, stripe, {chunk, /*isLast=*/false});
  });
  emitChunk(rows, stripe, {last, /*isLast=*/true});
  forStreams(stripe, [&](Index local, int64_t columns) {
    emitResult(rows, stripe, local, columns);
  });
}

void LookupLoops::forStreams(const Stripe &stripe,
                             function_ref<void(Index, int64_t)> body) {
  int64_t full = stripe.columns / kLanes;
  k.parallelFor(0, full, 1, [&](Index local) { body(local, kLanes); });
  // Joined to the loop before, and to no other: each thread has to come back to
  // its own streams.
  if (full < stripe.count)
    k.parallelOnce([&] { body(full, stripe.columns - full * kLanes); },
                   full ? KernelBuilder::Units::Joined
                        : KernelBuilder::Units::Own);
}

Value LookupLoops::loadSum(Index local, int64_t row) {
  return k.loadVector(
      partials, k.mul(local, kLanes) + row * stripeStreams * kLanes, kLanes);
}

void LookupLoops::storeSum(Value sum, Index local, int64_t row) {
  k.storeVector(sum, partials,
                k.mul(local, kLanes) + row * stripeStreams * kLanes);
}

packed::StreamPart LookupLoops::getFactors(Index stream) const {
  return {k.mul(stream, layout.getFactorsPitch()) + layout.getFactorsStart(),
          0};
}

Value LookupLoops::loadSums(Index stream, bool areReal) {
  int64_t offset = layout.getSumsOffset() - layout.getFactorsOffset();
  return areReal ? factors.loadReals(getFactors(stream), offset, 4)
                 : factors.loadIntegers(getFactors(stream), offset, 4);
}

/// At the correction for the activations' zero points, or, where there is none yet,
/// at zero.
void LookupLoops::startSums(const Rows &rows, const Stripe &stripe) {
  forStreams(stripe, [&](Index local, int64_t) {
    bool isCorrected = layout.isGrouped() && !activations.isGrouped();
    Values starts = layout.isGrouped()
                        ? Values(rows.count, k.splatF32(0.0, kLanes))
                        : loadStart(rows, 0);
    Value weights;
    if (isCorrected)
      weights = loadSums(k.add(stripe.first, local), /*areReal=*/true);
    for (auto [row, start] : llvm::enumerate(starts)) {
      if (isCorrected) {
        Value offset = arith::SIToFPOp::create(
            k.b, k.b.getF32Type(), activations.loadOffset(rows.block + row));
        start = k.mulf(k.broadcast(offset, kLanes), weights);
      }
      storeSum(start, local, row);
    }
  });
}

void LookupLoops::emitResult(const Rows &rows, const Stripe &stripe,
                             Index local, int64_t columns) {
  Index stream = k.add(stripe.first, local);
  Panel panel = makePanel(stream, 1, columns);
  Values sums;
  for (int64_t row = 0; row < rows.count; ++row)
    sums.push_back(loadSum(local, row));
  if (!layout.isGrouped()) {
    Value levels = loadSums(stream, /*areReal=*/false);
    Value scale = factors.loadReals(getFactors(stream), PackedLayout::kScales, 4);
    for (auto [row, sum] : llvm::enumerate(sums)) {
      Value offset =
          k.broadcast(activations.loadOffset(rows.block + row), kLanes);
      sum = arith::AddIOp::create(k.b, sum,
                                  arith::MulIOp::create(k.b, levels, offset));
      sum = k.mulf(toReal(sum), scale);
    }
  }
  for (auto [row, sum] : llvm::enumerate(sums)) {
    if (activations.isGrouped())
      sum = k.addf(sum, panel.bias[0]);
    else
      sum = k.fma(sum,
                  k.broadcast(activations.loadScale(rows.block + row), kLanes),
                  panel.bias[0]);
  }
  emitResults(panel, rows, sums);
}

Value LookupLoops::toReal(Value integers) {
  return arith::SIToFPOp::create(
      k.b, VectorType::get(kLanes, k.b.getF32Type()), integers);
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

void LookupLoops::emitChunk(const Rows &rows, const Stripe &stripe,
                            const Chunk &chunk) {
  forStreams(stripe, [&](Index local, int64_t) {
    Index at = k.add(k.mul(chunk.index, layout.getChunkPitch()),
                     k.mul(k.add(stripe.first, local),
                           layout.getStreamPitch(chunk.isLast))) +
               layout.getHeadBytes();
    Values sums;
    for (int64_t row = 0; row < rows.count; ++row)
      sums.push_back(loadSum(local, row));
    sums = layout.isGrouped() ? emitGroups(rows, chunk, at, sums)
                              : emitPartOfGroup(rows, chunk, at, sums);
    for (auto [row, sum] : llvm::enumerate(sums))
      storeSum(sum, local, row);
  });
}

LookupLoops::Values LookupLoops::emitGroups(const Rows &rows,
                                            const Chunk &chunk, Index at,
                                            ValueRange before) {
  int64_t perChunk =
      layout.chunkSteps / (layout.blockGroups * layout.groupSteps);
  int64_t blocks = chunk.isLast
                       ? layout.fullBlocks - (layout.chunks - 1) * perChunk
                       : perChunk;
  Index first = k.mul(chunk.index, perChunk);
  int64_t bytes = layout.getBlockBytes(layout.blockGroups);
  Values sums =
      k.forLoop(0, blocks, 1, before, [&](Index block, ValueRange v) {
        return emitBlock(rows,
                         {k.add(at, k.mul(block, bytes)),
                          k.mul(k.add(first, block), layout.blockGroups),
                          layout.blockGroups},
                         v);
      });
  if (chunk.isLast && layout.lastGroups)
    sums = emitBlock(rows,
                     {at + blocks * bytes,
                      layout.fullBlocks * layout.blockGroups,
                      layout.lastGroups},
                     sums);
  return sums;
}

/// Reads a block from its first byte to its last: scales lie behind the codes of
/// all its groups, of which there are few.
LookupLoops::Values LookupLoops::emitBlock(const Rows &rows, const Block &block,
                                           ValueRange before) {
  SmallVector<Values> levels;
  for (int64_t group = 0; group < block.groups; ++group) {
    int64_t step = group * layout.groupSteps;
    Index global = k.add(block.firstGroup, group);
    levels.push_back(emitSteps(
        rows, block.at + step / kLineSteps * kLine,
        step % kLineSteps / ByteTables::kSteps,
        k.mul(global, layout.groupSteps), layout.groupSteps,
        loadStart(rows, global)));
  }
  k.keepLoadsInOrder();
  Values sums(before);
  for (int64_t group = 0; group < block.groups; ++group) {
    Value scale = factors.loadReals(
        {block.at, 0}, layout.getScaleOffset(block.groups, group),
        layout.scaleBytes);
    for (auto [row, sum] : llvm::enumerate(sums)) {
      Value both = scale;
      if (activations.isGrouped())
        both = k.mulf(scale, k.broadcast(activations.loadScale(
                                             rows.block + row,
                                             block.firstGroup + group),
                                         kLanes));
      sum = k.fma(toReal(levels[group][row]), both, sum);
    }
  }
  return sums;
}

LookupLoops::Values LookupLoops::emitPartOfGroup(const Rows &rows,
                                                 const Chunk &chunk, Index at,
                                                 ValueRange before) {
  Index first = k.mul(chunk.index, layout.chunkSteps);
  int64_t steps = chunk.isLast ? layout.groupSteps -
                                     (layout.chunks - 1) * layout.chunkSteps
                               : layout.chunkSteps;
  return emitSteps(rows, at, 0, first, steps, before);
}

LookupLoops::Values LookupLoops::loadStart(const Rows &rows, Index group) {
  Values start;
  for (int64_t row = 0; row < rows.count; ++row)
    start.push_back(
        k.broadcast(activations.loadSum(rows.block + row, group), kLanes));
  return start;
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

LookupLoops::Values LookupLoops::emitSteps(const Rows &rows, Index at,
                                           int64_t half, Index step,
                                           int64_t steps, ValueRange start) {
  Value zero = k.splatInteger(32, 0, kLanes);
  // Two sums for each row.
  Values sums;
  for (Value ofRow : start)
    sums.append({ofRow, zero});
  int64_t lines = steps / kLineSteps;
  int64_t unrolled =
      std::clamp<int64_t>(kUnrolledLines / rows.count, 1, std::max<int64_t>(lines, 1));
  auto emitSome = [&](Index first, int64_t count, ValueRange before) {
    Values next(before);
    for (int64_t line = 0; line < count; line += kAddedLines)
      next = emitLines(rows, k.add(at, k.mul(first + line, kLine)),
                       std::min(kAddedLines, count - line), {0, 1},
                       k.add(step, k.mul(first + line, kLineSteps)), next);
    return next;
  };
  if (lines == 0) {
    // Half of each byte.
    sums = emitLines(rows, at, 1, {half}, step, sums);
  } else {
    int64_t whole = lines / unrolled * unrolled;
    sums = k.forLoop(0, whole, unrolled, sums, [&](Index first, ValueRange v) {
      return emitSome(first, unrolled, v);
    });
    if (whole < lines)
      sums = emitSome(whole, lines - whole, sums);
  }
  Values totals;
  for (int64_t row = 0; row < rows.count; ++row)
    totals.push_back(
        arith::AddIOp::create(k.b, sums[2 * row], sums[2 * row + 1]));
  return totals;
}

LookupLoops::Values LookupLoops::emitLines(const Rows &rows, Index at,
                                           int64_t lines,
                                           ArrayRef<int64_t> halves, Index step,
                                           ValueRange before) {
  Values indices;
  for (int64_t line = 0; line < lines; ++line) {
    k.keepLoadsInOrder();
    auto both = tables.getIndices(k.loadVector(packed, at + line * kLine, kLine));
    for (int64_t half : halves)
      indices.push_back(both[half]);
  }
  Values sums;
  for (int64_t row = 0; row < rows.count; ++row) {
    ByteTables::Sums ofRow{before[2 * row], before[2 * row + 1]};
    tables.add(ofRow, rows.block + row, step, indices);
    sums.append({ofRow.lower, ofRow.upper});
  }
  return sums;
}
