//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Stream by stream, block by block: codes, scales, zero points, sums.
// Everything that is not written by one of these is zero.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/Pack.h"

#include "lib/Kernel/CPU/Packed/StoredWeight.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kRows = PackedLayout::kRows,
                  kColumns = PackedLayout::kColumns,
                  kLine = PackedLayout::kLine;

class Packer {
public:
  Packer(KernelBuilder &k, const PackedLayout &layout,
         const WeightReader &weight, Value packed)
      : k(k), layout(layout), weight(weight), packed(packed),
        stored(k, weight, layout.rows, layout.k, packed, layout.bytes()) {}

  void emit() {
    int64_t last = layout.chunks - 1;
    auto emitPart = [&](Index stream, Index chunk, bool isLast) {
      int64_t bytes = layout.getStreamPitch(isLast);
      Index at =
          k.add(k.mul(chunk, layout.getChunkPitch()), k.mul(stream, bytes));
      k.fill(packed, at, bytes, k.integer(8, 0));
      emitChunk(stream, chunk, isLast, at + layout.getHeadBytes());
    };
    k.forLoop(0, last, 1, [&](Index chunk) {
      k.forLoop(0, layout.streams(), 1,
                [&](Index stream) { emitPart(stream, chunk, false); });
    });
    k.forLoop(0, layout.streams(), 1, [&](Index stream) {
      emitPart(stream, last, true);
      Index at =
          k.mul(stream, layout.getFactorsPitch()) + layout.getFactorsStart();
      if (!layout.isGrouped())
        emitRowFactors(stream, at);
      if (!layout.table)
        emitSums(stream,
                 at + (layout.getSumsOffset() - layout.getFactorsOffset()));
    });
    if (layout.table)
      emitTable();
  }

private:
  /// Row `lane` of a stream.
  Index getRow(Index stream, Index lane, Value &valid) {
    return k.limit(k.add(k.mul(stream, kRows), lane), layout.streams() * kRows,
                   layout.rows, valid);
  }

  /// The part of a stream that is in a chunk.
  void emitChunk(Index stream, Index chunk, bool isLast, Index at) {
    if (!layout.isGrouped()) {
      int64_t perChunk = layout.chunkSteps / layout.cellSteps;
      int64_t all = layout.groupSteps / layout.cellSteps;
      int64_t cells = isLast ? all - (layout.chunks - 1) * perChunk : perChunk;
      return emitCells(stream, 0, k.mul(chunk, perChunk), cells, at);
    }
    int64_t perChunk =
        layout.chunkSteps / (layout.blockGroups * layout.groupSteps);
    int64_t bytes = layout.getBlockBytes(layout.blockGroups);
    int64_t blocks =
        isLast ? layout.fullBlocks - (layout.chunks - 1) * perChunk : perChunk;
    k.forLoop(0, blocks, 1, [&](Index block) {
      emitBlock(stream, k.add(k.mul(chunk, perChunk), block),
                layout.blockGroups, k.add(at, k.mul(block, bytes)));
    });
    if (isLast && layout.lastGroups)
      emitBlock(stream, layout.fullBlocks, layout.lastGroups,
                at + blocks * bytes);
  }

  void emitBlock(Index stream, Index block, int64_t groups, Index at) {
    Index firstGroup = k.mul(block, layout.blockGroups);
    int64_t cells = layout.getCodeBytes(groups) / (layout.cellLines * kLine);
    emitCells(stream, firstGroup, 0, cells, at);
    emitGroupFactors(stream, firstGroup, groups, at);
  }

  /// Cells [first, first + count) of a block.
  void emitCells(Index stream, Index firstGroup, Index first, int64_t count,
                 Index at) {
    k.forEach({count, kRows, kColumns}, [&](ArrayRef<Index> i) {
      Index byte = k.add(k.mul(i[0], layout.cellLines * kLine),
                         k.linear({i[1], i[2]}, {kRows, kColumns}));
      Value valid;
      Index row = getRow(stream, i[1], valid);
      emitCell(row, valid, firstGroup,
               k.mul(k.add(first, i[0]), layout.cellSteps), i[2],
               k.add(at, byte));
    });
  }

  /// One byte of each line of a cell. `first`: its first step in the block.
  void emitCell(Index row, Value rowValid, Index firstGroup, Index first,
                Index column, Index at) {
    SmallVector<Value> lines(layout.cellLines, k.integer(32, 0));
    for (int64_t step = 0; step < layout.cellSteps; ++step) {
      Value code =
          emitCode(row, rowValid, firstGroup, k.add(first, step), column);
      for (const PackedLayout::Piece &piece : layout.getPieces(step)) {
        int64_t mask = (int64_t(1) << piece.width) - 1;
        Value bits =
            arith::ShRUIOp::create(k.b, code, k.integer(32, piece.shift));
        bits = arith::AndIOp::create(k.b, bits, k.integer(32, mask));
        bits = arith::ShLIOp::create(k.b, bits, k.integer(32, piece.bit));
        lines[piece.line] = arith::OrIOp::create(k.b, lines[piece.line], bits);
      }
    }
    for (auto [line, bits] : llvm::enumerate(lines))
      k.store(arith::TruncIOp::create(k.b, k.b.getI8Type(), bits), packed,
              at + line * kLine);
  }

  /// The code at column `column` of step `step` of a block: zero in the padding
  /// of groups.
  Value emitCode(Index row, Value valid, Index firstGroup, Index step,
                 Index column) {
    Index group = k.add(firstGroup, k.floorDiv(step, layout.groupSteps));
    Index within =
        k.add(k.mul(k.mod(step, layout.groupSteps), kColumns), column);
    within = k.limit(within, layout.groupSteps * kColumns, layout.groupColumns,
                     valid);
    int64_t end = layout.groups * layout.groupColumns;
    // A cell may have steps of a group behind the last one.
    if (layout.groupSteps < layout.cellSteps)
      end += layout.groupColumns * layout.cellSteps;
    Index at = k.add(k.mul(group, layout.groupColumns), within);
    at = k.limit(at, end, layout.k, valid);
    return stored.orZero(
        layout.table || !layout.levels.empty()
            ? emitTableCode(row, at)
            : stored.ask(&FormatAttrInterface::emitCode, row, at),
        valid);
  }

  //===--- Tables ---------------------------------------------------------===//

  CodebookFormatAttr getCodebook() const {
    return cast<CodebookFormatAttr>(weight.getFormat());
  }

  Value emitTableCode(Index row, Index column) {
    return getCodebook().getParts().emitCode(k.b, k.b.getLoc(),
                                             weight.getPayload(), layout.k,
                                             k.value(row), k.value(column));
  }

  void emitTable() {
    k.forLoop(0, layout.getTableEntries(), 1, [&](Index entry) {
      Value code = arith::IndexCastUIOp::create(
          k.b, k.b.getI32Type(), k.value(k.mod(entry, 1 << layout.bits)));
      stored.storeDword(getCodebook().emitTableLevel(k.b, k.b.getLoc(),
                                              weight.getPayload(), layout.rows,
                                              layout.k, code),
                 k.mul(entry, 4) + layout.getTableOffset());
    });
  }

  void emitGroupFactors(Index stream, Index firstGroup, int64_t groups,
                        Index at) {
    k.forEach({groups, kRows}, [&](ArrayRef<Index> i) {
      Value valid;
      Index row = getRow(stream, i[1], valid);
      Index column = k.mul(k.add(firstGroup, i[0]), layout.groupColumns);
      Index to = k.linear(i, {groups, kRows});
      stored.storeScale(stored.emitScale(row, column, valid),
                        k.add(at, k.mul(to, layout.scaleBytes)) +
                            layout.getScaleOffset(groups, 0),
                        layout.scaleBytes);
      if (!layout.zeroPoints)
        return;
      Value zero = stored.orZero(
          stored.ask(&FormatAttrInterface::emitZeroPoint, row, column), valid);
      k.store(arith::TruncIOp::create(k.b, k.b.getI8Type(), zero), packed,
              k.add(at, to) + layout.getZeroPointOffset(groups, 0));
    });
  }

  void emitRowFactors(Index stream, Index at) {
    k.forLoop(0, kRows, 1, [&](Index lane) {
      Value valid;
      Index row = getRow(stream, lane, valid), to = k.add(at, k.mul(lane, 4));
      stored.storeDword(stored.emitScale(row, 0, valid),
                        to + PackedLayout::kScales);
      if (layout.zeroPoints)
        stored.storeDword(
            stored.orZero(
                stored.ask(&FormatAttrInterface::emitZeroPoint, row, 0), valid),
            to + PackedLayout::kZeroPoints);
    });
  }

  /// Of levels, or with groups of weights.
  void emitSums(Index stream, Index at) {
    k.forLoop(0, kRows, 1, [&](Index lane) {
      Value valid;
      Index row = getRow(stream, lane, valid);
      stored.storeDword(
          stored.emitRowSum(row, layout.groups, layout.groupColumns, valid),
          k.add(at, k.mul(lane, 4)));
    });
  }

  KernelBuilder &k;
  const PackedLayout &layout;
  const WeightReader &weight;
  Value packed;
  packed::StoredWeight stored;
};

} // namespace

void packed::emitPack(KernelBuilder &k, const PackedLayout &layout,
                      const WeightReader &weight, Value packed) {
  Packer(k, layout, weight, packed).emit();
}
