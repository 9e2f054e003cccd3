//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, groups, lines, lookups. docs/Rationale/Lookup.md has the
// measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupF32/Loops.h"

#include "lib/Kernel/CPU/Packed/Hide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupf32;
using mpq::packed::StreamPart;

static constexpr int64_t kLanes = PackedLayout::kRows,
                         kLine = PackedLayout::kLine;
/// Halves of the bytes of a lane.
static constexpr int64_t kHalves = 2, kBytes = 4;
/// Steps of a piece of a long group. Sums depend on it.
static constexpr int64_t kPieceSteps = 32;
/// Lookups that are unrolled: lines times rows times vectors.
static constexpr int64_t kUnrolledLines = 8;

Tuning lookupf32::getTuning() {
  Tuning tuning; // Zen 4
  tuning.tiles = {{1, 1, 4, 1, 3},
                  {2, 2, 4, 1, 3},
                  {INT64_MAX, 4, 2, 1, 3}};
  return tuning;
}

LookupLoops::LookupLoops(KernelBuilder &k, MatmulOp op,
                         const PackedLayout &layout, const Tuning &tuning,
                         ValueRange operands)
    : PanelLoops(k, op, layout, operands, kLanes, /*convertsHalves=*/true),
      tuning(tuning),
      activations(k, this->layout, operands[0], op.getInputQuantAttr(),
                  k.b.getF32Type(),
                  SumTables::getRowsIn(layout, Tuning::kTableBytes),
                  Tuning::kActivationBytes),
      rowsAtOnce(getBlockHeight(m, activations.getRowsAtOnce())),
      tables(k, this->layout, activations, packed, rowsAtOnce),
      words(VectorType::get(kLanes, k.b.getI32Type())),
      reals(VectorType::get(kLanes, k.b.getF32Type())) {
  for (int64_t half = 1; half < kHalves * kBytes / 2; ++half)
    powers.push_back(packed::hide(k, k.splatInteger(
        16, int64_t(1) << (16 - SumTables::kIndexBits * half), 2 * kLanes)));
  one = packed::hide(k, k.splatF32(1.0, kLanes));
}

void LookupLoops::emit() {
  forRowBlocks(rowsAtOnce, [&](Index first, Index count) {
    activations.emitBlock(first, count);
    k.forLoop(0, count, 1, [&](Index row) { tables.emitRow(row); });
    forTuning<TileTuning>(
        tuning.tiles, count, rowsAtOnce,
        [&](const TileTuning &tile, int64_t lowest, Index count) {
          forPanels(tile.vectors, [&](const Panel &panel) {
            forTiles(tile.rows, lowest, first, count, [&](const Rows &rows) {
              emitResults(panel, rows, emitTile(tile, panel, rows));
            });
          });
        });
  });
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

LookupLoops::Values LookupLoops::emitTile(const TileTuning &tile,
                                          const Panel &panel,
                                          const Rows &rows) {
  return forBlocks(startWithBias(panel, rows),
                   [&](const Block &block, ValueRange before) {
                     return emitBlock(tile, panel, rows, block, before);
                   });
}

LookupLoops::Values LookupLoops::emitBlock(const TileTuning &tile,
                                           const Panel &panel, const Rows &rows,
                                           const Block &block,
                                           ValueRange before) {
  auto visit = [&](Index group, ValueRange before) {
    Values products = emitGroup(tile, panel, rows, block, group);
    k.keepLoadsInOrder();
    return addScaled(products, loadScales(panel, block, group), before);
  };
  // Groups that share a line have to be unrolled.
  if (layout.groupSteps >= layout.cellSteps)
    return k.forLoop(0, block.groups, 1, before, visit);
  Values sums(before);
  for (int64_t group = 0; group < block.groups; ++group)
    sums = visit(group, sums);
  return sums;
}

LookupLoops::Values LookupLoops::emitGroup(const TileTuning &tile,
                                           const Panel &panel, const Rows &rows,
                                           const Block &block, Index group) {
  int64_t perIndex = SumTables::getSteps(layout), steps = layout.groupSteps;
  Index global = k.add(block.firstGroup, group);
  Codes codes{block.at, 0, k.mul(global, steps / perIndex)};
  if (steps < layout.cellSteps) {
    int64_t step = group.offset * steps;
    codes.codes = block.at + step / layout.cellSteps * kLine;
    codes.half = step % layout.cellSteps / perIndex;
  } else {
    codes.codes = k.add(block.at, k.mul(group, layout.getCodeBytes(1)));
  }
  auto emitSome = [&](Index at, int64_t count) {
    Codes piece = codes;
    piece.codes = k.add(piece.codes, k.mul(at, layout.bits * kLine / 8));
    piece.index = k.add(piece.index, k.floorDiv(at, perIndex));
    return emitPiece(tile, panel, rows, piece, count);
  };
  auto add = [&](ValueRange before, const Values &more) {
    Values sums;
    for (auto [a, b] : llvm::zip_equal(before, more))
      sums.push_back(k.addf(a, b));
    return sums;
  };
  Values sums;
  if (steps <= kPieceSteps) {
    sums = emitPiece(tile, panel, rows, codes, steps);
  } else {
    int64_t whole = steps / kPieceSteps * kPieceSteps;
    Values zeros(rows.count * panel.vectors(), k.splatF32(0.0, lanes));
    sums = k.forLoop(0, whole, kPieceSteps, zeros,
                     [&](Index at, ValueRange before) {
                       return add(before, emitSome(at, kPieceSteps));
                     });
    if (whole < steps)
      sums = add(sums, emitSome(whole, steps - whole));
  }
  if (!layout.zeroPoints)
    return sums;
  for (auto [v, part] : llvm::enumerate(panel.parts)) {
    Value zeroPoints = loadZeroPoints(part, block, group);
    for (int64_t row = 0; row < rows.count; ++row) {
      Value &sum = sums[row * panel.vectors() + v];
      Value x = k.broadcast(tables.loadSum(rows.block + row, global), lanes);
      sum = k.fma(zeroPoints, x, sum);
    }
  }
  return sums;
}

Value LookupLoops::loadZeroPoints(const StreamPart &part, const Block &block,
                                  Index group) {
  Value integers;
  if (layout.isGrouped())
    integers = factors.loadIntegers(
        part,
        k.add(block.at, k.mul(group, PackedLayout::kRows)) +
            layout.getZeroPointOffset(block.groups, 0),
        1);
  else
    integers = factors.loadIntegers(
        part, layout.getFactorsOffset() + PackedLayout::kZeroPoints, 4);
  return arith::SIToFPOp::create(k.b, reals, integers);
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

LookupLoops::Values LookupLoops::emitPiece(const TileTuning &tile,
                                           const Panel &panel, const Rows &rows,
                                           const Codes &codes, int64_t steps) {
  Values sums(rows.count * panel.vectors(), k.splatF32(0.0, lanes));
  int64_t halves = steps / SumTables::getSteps(layout);
  if (halves < kHalves)
    return emitLine(tile, panel, rows, codes, halves, sums);
  int64_t lines = halves / kHalves;
  int64_t unrolled =
      std::clamp<int64_t>(kUnrolledLines / int64_t(sums.size()), 1, lines);
  auto emitLines = [&](Index first, int64_t count, ValueRange before) {
    Values next(before);
    for (int64_t line = 0; line < count; ++line) {
      Codes at = codes;
      at.codes = k.add(at.codes, k.mul(first + line, kLine));
      at.index = k.add(at.index, k.mul(first + line, kHalves));
      next = emitLine(tile, panel, rows, at, kHalves, next);
    }
    return next;
  };
  int64_t whole = lines / unrolled * unrolled;
  sums = k.forLoop(0, whole, unrolled, sums, [&](Index first, ValueRange v) {
    return emitLines(first, unrolled, v);
  });
  return whole < lines ? emitLines(whole, lines - whole, sums) : sums;
}

LookupLoops::Values LookupLoops::emitLine(const TileTuning &tile,
                                          const Panel &panel, const Rows &rows,
                                          const Codes &codes, int64_t halves,
                                          ValueRange before) {
  k.keepLoadsInOrder();
  Values lines, sums(before);
  for (const StreamPart &part : panel.parts) {
    Index at = k.add(part.stream, codes.codes);
    lines.push_back(vector::BitCastOp::create(
        k.b, words, k.loadVector(packed, at, kLine)));
    if (tile.prefetchLines)
      memref::PrefetchOp::create(
          k.b, packed, k.value(at + panel.vectors() * layout.streamBytes()),
          /*isWrite=*/false, tile.locality, /*isDataCache=*/true);
  }
  bool multiplies = rows.count <= 2; // otherwise indices are rare
  Values upper;
  for (Value line : lines)
    upper.push_back(arith::ShRUIOp::create(
        k.b, line, k.splatInteger(32, 16, lanes)));
  bool fuses = false;
  for (int64_t byte = 0; byte < kBytes; ++byte)
    for (int64_t half = codes.half; half < codes.half + halves; ++half) {
      Values indices;
      for (int64_t v = 0; v < panel.vectors(); ++v)
        indices.push_back(emitIndex(byte < kBytes / 2 ? lines[v] : upper[v],
                                    (byte * kHalves + half) % kBytes,
                                    multiplies));
      for (int64_t row = 0; row < rows.count; ++row) {
        Value table = tables.load(rows.block + row,
                                  codes.index + (half - codes.half), byte);
        for (auto [v, index] : llvm::enumerate(indices)) {
          Value found = k.intrinsic("llvm.x86.avx512.permvar.sf.512", reals,
                                    {table, index});
          Value &sum = sums[row * panel.vectors() + v];
          sum = fuses ? k.fma(found, one, sum) : k.addf(sum, found);
        }
      }
      fuses = !fuses;
    }
  return sums;
}

Value LookupLoops::emitIndex(Value line, int64_t half, bool multiplies) {
  if (half == 0)
    return line;
  if (!multiplies)
    return arith::ShRUIOp::create(
        k.b, line,
        k.splatInteger(32, SumTables::kIndexBits * half, kLanes));
  auto shorts = VectorType::get(2 * kLanes, k.b.getI16Type());
  Value product =
      k.intrinsic("llvm.x86.avx512.pmulhu.w.512", shorts,
                  {vector::BitCastOp::create(k.b, shorts, line),
                   powers[half - 1]});
  return vector::BitCastOp::create(k.b, words, product);
}
