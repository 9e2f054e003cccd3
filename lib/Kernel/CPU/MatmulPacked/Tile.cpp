//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Steps, decoding, and the order of the sums.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

/// Independent sums that hide the latency of a dot product.
static constexpr int64_t kIndependentSums = 8;
/// Dot products, one waiting for the other, in the shadow of which the CPU gets
/// to the next group.
static constexpr int64_t kLongestChain = 12;
/// So many sums of different positions are worth the additions at the end.
static constexpr int64_t kMostRuns = 4;

//===----------------------------------------------------------------------===//
// Codes, whatever is done with them
//===----------------------------------------------------------------------===//

Value TileSums::loadLine(const StreamPart &part, Index codes, int64_t line) {
  constexpr int64_t kRowBytes = PackedLayout::kLine / PackedLayout::kRows;
  Index at = k.add(k.add(part.stream, codes), k.mul(part.row, kRowBytes)) +
             line * PackedLayout::kLine;
  return k.loadVector(packed, at, kRowBytes * lanes());
}

void TileSums::fetchAhead(const StreamPart &part, Index codes, int64_t line,
                          int64_t ahead, int64_t locality) {
  // The second half of a stream's rows is in the same lines.
  if (!ahead || (part.row.isConstant() && part.row.offset))
    return;
  Index at =
      k.add(part.stream, codes) + (line + ahead) * PackedLayout::kLine;
  memref::PrefetchOp::create(k.b, packed, k.value(at), /*isWrite=*/false,
                             locality, /*isDataCache=*/true);
}

void TileSums::fetchAhead(ArrayRef<StreamPart> parts, Index codes,
                          int64_t cellStep, int64_t steps, int64_t ahead,
                          int64_t locality) {
  int64_t first = cellStep * layout.bits / 8;
  int64_t end = llvm::divideCeil((cellStep + steps) * layout.bits, 8);
  for (const StreamPart &part : parts)
    for (int64_t line = first; line < end; ++line)
      fetchAhead(part, codes, line, ahead, locality);
}

TileSums::Values TileSums::add(ValueRange a, ValueRange b) {
  Values sums;
  for (auto [x, y] : llvm::zip_equal(a, b))
    sums.push_back(arith::AddIOp::create(k.b, x, y));
  return sums;
}

//===----------------------------------------------------------------------===//
// Dot products
//===----------------------------------------------------------------------===//

TileEmitter::TileEmitter(KernelBuilder &k, const PackedLayout &layout,
                         const Tuning &tuning, Value packed,
                         SignedRows &activations)
    : TileSums(k, layout, packed, activations), tuning(tuning),
      dots(k, tuning.isa) {}

/// The position of the steps that are highest in their lines.
static int64_t getHighestPosition(const PackedLayout &layout,
                                  const Tuning &tuning) {
  return tuning.shiftSums && layout.levels.empty()
             ? (8 / layout.bits - 1) * layout.bits
             : 0;
}

int64_t TileEmitter::getStartShift(const PackedLayout &layout,
                                   const Tuning &tuning) {
  // Longer groups are added up chunk by chunk; levels two apart need a doubled
  // sum. Both add the start at the end.
  if (layout.groupSteps > tuning.unrolledSteps || layout.step == 2)
    return 0;
  return getHighestPosition(layout, tuning);
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

SmallVector<TileEmitter::Term, 2>
TileEmitter::getTerms(int64_t cellStep) const {
  auto pieces = layout.getPieces(cellStep);
  int64_t maxCode = (1 << layout.bits) - 1;
  if (!layout.levels.empty())
    return {{*llvm::max_element(layout.levels) - layout.low, 0,
             {pieces.begin(), pieces.end()}}};
  if (getSafeAdditions(maxCode) == 0 && tuning.isa == Isa::Avx2)
    return {{15, 0, {{pieces[0].line, 0, 4, 0}}},
            {15, -4, {{pieces[0].line, 4, 4, 0}}}};
  Term term{maxCode, 0, {pieces.begin(), pieces.end()}};
  if (pieces.size() == 1 && tuning.shiftSums) {
    // Left where it is.
    term.position = pieces[0].bit;
    term.pieces[0].shift = pieces[0].bit;
    term.maxCode <<= term.position;
  }
  return {term};
}

SmallVector<int64_t> TileEmitter::getPositions(int64_t cellStep,
                                               int64_t steps) const {
  SmallVector<int64_t> positions;
  for (int64_t step = 0; step < std::min(steps, layout.cellSteps); ++step)
    for (const Term &term : getTerms((cellStep + step) % layout.cellSteps))
      if (!llvm::is_contained(positions, term.position))
        positions.push_back(term.position);
  llvm::sort(positions, std::greater<>());
  return positions;
}

Value TileEmitter::loadShared(const Source &source, const StreamPart &part,
                              int64_t line) {
  Value *known = source.lines ? &(*source.lines)[{&part, line}] : nullptr;
  if (known && *known)
    return *known;
  // The hardware follows a stream that is read in order.
  if (known)
    k.keepLoadsInOrder();
  Value codes = loadLine(part, source.codes, line);
  if (known) {
    // One with each line: a burst of them holds up the loads behind it.
    fetchAhead(part, source.codes, line, source.prefetchLines, source.locality);
    *known = codes;
  }
  return codes;
}

Value TileEmitter::emitCodes(const Source &source, const StreamPart &part,
                             int64_t step, const Term &term) {
  int64_t firstLine =
      (source.cellStep + step) / layout.cellSteps * layout.cellLines;
  Value codes;
  for (const PackedLayout::Piece &piece : term.pieces) {
    Value bits = loadShared(source, part, firstLine + piece.line);
    // In dwords: what crosses from byte to byte is masked.
    bits = vector::BitCastOp::create(k.b, dots.sumsType(), bits);
    int64_t right = int64_t(piece.bit) - piece.shift;
    bits = shift(bits, right);
    if (!layout.levels.empty())
      return lookUp(bits);
    if (piece.width < 8) {
      int64_t mask = ((1 << piece.width) - 1) << piece.shift;
      bits = arith::AndIOp::create(
          k.b, bits,
          k.splatInteger(32, int32_t(mask * 0x01010101u), dots.lanes()));
    }
    codes = codes ? arith::OrIOp::create(k.b, codes, bits).getResult() : bits;
  }
  return vector::BitCastOp::create(k.b, dots.codesType(), codes);
}

Value TileEmitter::lookUp(Value codes) {
  // A table for each 16 bytes, or one that repeats, of which vpermb reads as much
  // as 6 bits name. vpshufb wants the bits above an index of 4 to be zero.
  SmallVector<int8_t> levels;
  for (int64_t byte = 0; byte < 4 * dots.lanes(); ++byte)
    levels.push_back(layout.levels[byte % layout.levels.size()] - layout.low);
  Value table = k.constant(
      DenseElementsAttr::get(dots.codesType(), ArrayRef<int8_t>(levels)));
  auto toBytes = [&](Value value) -> Value {
    return vector::BitCastOp::create(k.b, dots.codesType(), value);
  };
  if (tuning.permutesBytes)
    return k.intrinsic("llvm.x86.avx512.permvar.qi.512", dots.codesType(),
                       {table, toBytes(codes)});
  codes = arith::AndIOp::create(
      k.b, codes, k.splatInteger(32, 0x0f0f0f0f, dots.lanes()));
  return k.intrinsic(dots.lanes() == 16 ? "llvm.x86.avx512.pshuf.b.512"
                                        : "llvm.x86.avx2.pshuf.b",
                     dots.codesType(), {table, toBytes(codes)});
}

Value TileEmitter::shift(Value sums, int64_t right) {
  if (right == 0)
    return sums;
  Value count = k.splatInteger(32, std::abs(right), dots.lanes());
  return right > 0 ? arith::ShRSIOp::create(k.b, sums, count).getResult()
                   : arith::ShLIOp::create(k.b, sums, count).getResult();
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void TileEmitter::emitTerm(const Source &source, int64_t step, const Term &term,
                           function_ref<Sum &(int64_t)> sum) {
  SmallVector<Value> codes;
  for (const StreamPart &part : source.parts)
    codes.push_back(emitCodes(source, part, step, term));
  int64_t vectors = codes.size();
  for (int64_t row = 0; row < source.rows; ++row) {
    Value activation = dots.broadcast(
        activations.loadStep(source.firstRow + row, source.step + step));
    for (int64_t v = 0; v < vectors; ++v)
      dots.add(sum(row * vectors + v), codes[v], activation, term.maxCode);
  }
}

/// One sum for each row and vector, shifted between positions.
TileEmitter::Values TileEmitter::emitShifted(const Source &source,
                                             int64_t steps, Values start) {
  SmallVector<Sum> sums;
  for (Value value : start)
    sums.push_back({value, {}, 0});
  int64_t position = getHighestPosition(layout, tuning);
  for (int64_t next : getPositions(source.cellStep, steps)) {
    for (Sum &sum : sums)
      sum.total = shift(dots.finish(sum), position - next);
    position = next;
    for (int64_t step = 0; step < steps; ++step)
      for (const Term &term :
           getTerms((source.cellStep + step) % layout.cellSteps))
        if (term.position == position) {
          k.keepLoadsInOrder();
          emitTerm(source, step, term,
                   [&](int64_t i) -> Sum & { return sums[i]; });
        }
  }
  Values result;
  for (Sum &sum : sums)
    result.push_back(shift(dots.finish(sum), position));
  return result;
}

TileEmitter::Shares TileEmitter::getShares(ArrayRef<int64_t> positions,
                                           int64_t steps, int64_t count) {
  int64_t classes = positions.size();
  Shares shares;
  // Of the upper bits alone nothing can be shifted out.
  if (positions.back() >= 0)
    shares.positions = llvm::divideCeil(classes, kMostRuns);
  shares.runs = llvm::divideCeil(classes, shares.positions);
  int64_t most = kIndependentSums / (count * shares.runs);
  shares.chains =
      std::clamp<int64_t>(llvm::divideCeil(steps, kLongestChain * shares.runs),
                          1, std::max<int64_t>(most, 1));
  return shares;
}

/// Several sums for each row and vector, of one position or a few.
TileEmitter::Values TileEmitter::emitSeparate(const Source &tile, int64_t steps,
                                              Values start) {
  auto positions = getPositions(tile.cellStep, steps);
  int64_t count = start.size(), classes = positions.size();
  Shares shares = getShares(positions, steps, count);
  DenseMap<std::pair<const StreamPart *, int64_t>, Value> lines;
  Source source = tile;
  source.lines = &lines;
  Value zero = k.splatInteger(32, 0, dots.lanes());
  // [run][chain][row and vector]; those of the highest position start the sum.
  int64_t perRun = shares.chains * count;
  SmallVector<Sum> sums(shares.runs * perRun, Sum{zero, {}, 0});
  bool startsHighest = positions[0] == getHighestPosition(layout, tuning);
  for (int64_t i = 0; startsHighest && i < count; ++i)
    sums[i].total = start[i];
  auto emitPass = [&](int64_t pass) {
    SmallVector<int64_t> used(shares.runs, 0);
    for (int64_t step = 0; step < steps; ++step)
      for (const Term &term :
           getTerms((source.cellStep + step) % layout.cellSteps)) {
        int64_t at = llvm::find(positions, term.position) - positions.begin();
        if (at % shares.positions != pass)
          continue;
        int64_t run = at / shares.positions;
        int64_t first = run * perRun + used[run]++ % shares.chains * count;
        emitTerm(source, step, term,
                 [&](int64_t i) -> Sum & { return sums[first + i]; });
      }
  };
  for (int64_t pass = 0; pass < shares.positions; ++pass) {
    emitPass(pass);
    for (int64_t run = 0; run < shares.runs; ++run) {
      int64_t at = run * shares.positions + pass;
      if (at + 1 >= classes || pass + 1 == shares.positions)
        continue;
      for (Sum &sum : MutableArrayRef(sums).slice(run * perRun, perRun))
        sum.total = shift(dots.finish(sum), positions[at] - positions[at + 1]);
    }
  }
  Values result;
  for (int64_t i = 0; i < count; ++i) {
    Value total;
    for (int64_t run = 0; run < shares.runs; ++run) {
      Value ofRun;
      for (int64_t chain = 0; chain < shares.chains; ++chain) {
        Value sum = dots.finish(sums[run * perRun + chain * count + i]);
        ofRun =
            chain ? arith::AddIOp::create(k.b, ofRun, sum).getResult() : sum;
      }
      int64_t last = std::min((run + 1) * shares.positions, classes) - 1;
      ofRun = shift(ofRun, positions[last]);
      total =
          run ? arith::AddIOp::create(k.b, total, ofRun).getResult() : ofRun;
    }
    if (!startsHighest)
      total = arith::AddIOp::create(
          k.b, total, shift(start[i], getHighestPosition(layout, tuning)));
    result.push_back(total);
  }
  return result;
}

TileEmitter::Values TileEmitter::emitSteps(const Source &source, int64_t steps,
                                           Values start) {
  auto positions = getPositions(source.cellStep, steps);
  bool isFew = int64_t(start.size()) * 2 <= kIndependentSums;
  if (isFew || positions.back() < 0)
    return emitSeparate(source, steps, start);
  fetchAhead(source.parts, source.codes, source.cellStep, steps,
             source.prefetchLines, source.locality);
  return emitShifted(source, steps, start);
}

TileEmitter::Values TileEmitter::emitGroup(ArrayRef<StreamPart> parts,
                                           Index codes, int64_t cellStep,
                                           Index firstRow, int64_t rows,
                                           Index step, Values start,
                                           int64_t prefetchLines,
                                           int64_t locality) {
  Source source{parts, codes, cellStep,      firstRow,
                rows,  step,  prefetchLines, locality};
  bool isLong = layout.groupSteps > tuning.unrolledSteps,
       doubles = layout.step == 2;
  Values zeros(start.size(), k.splatInteger(32, 0, dots.lanes()));
  Values sums;
  if (!isLong) {
    sums = emitSteps(source, layout.groupSteps, doubles ? zeros : start);
    if (!doubles)
      return sums;
  } else {
    int64_t most = tuning.unrolledSteps; // whole lines
    int64_t whole = layout.groupSteps / most * most;
    auto emitChunk = [&](Index at, int64_t steps, ValueRange before) {
      Source chunk = source;
      chunk.step = k.add(step, at);
      chunk.codes =
          k.add(codes, k.mul(at, layout.bits * PackedLayout::kLine / 8));
      return add(emitSteps(chunk, steps, zeros), before);
    };
    sums = k.forLoop(
        0, whole, most, doubles ? zeros : start,
        [&](Index at, ValueRange v) { return emitChunk(at, most, v); });
    if (whole < layout.groupSteps)
      sums = emitChunk(whole, layout.groupSteps - whole, sums);
    if (!doubles)
      return sums;
  }
  for (Value &sum : sums)
    sum = shift(sum, -1);
  return add(sums, start);
}
