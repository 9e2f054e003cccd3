//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Panel by panel, team by team, cell by cell: tables or scales, lines of codes.
// What is beyond the weight's rows, columns or groups is zero.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLut/LutLayout.h"

#include "lib/Kernel/CPU/Packed/StoredWeight.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"
#include "dialects/MPQ/Formats/Lut/Lut.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lut;

namespace {

class Packer {
public:
  Packer(KernelBuilder &k, const LutLayout &layout, const WeightReader &weight,
         Value packed)
      : k(k), layout(layout), weight(weight), packed(packed),
        stored(k, weight, layout.rows, layout.k, packed, layout.bytes()) {}

  void emit() {
    k.fill(packed, 0, layout.bytes(), k.integer(8, 0));
    k.forEach({layout.panels(), layout.teams(), layout.cells},
              [&](ArrayRef<Index> i) {
                Index team =
                    k.linear({i[0], i[1]}, {layout.panels(), layout.teams()});
                Index at = k.add(k.mul(team, layout.teamBytes()),
                                 k.mul(i[2], layout.cellBytes()));
                emitFactors(team, i[2], at);
                emitLines(team, i[2], at + layout.getLinesOffset());
              });
    if (layout.shared)
      emitTable(0, 0, layout.getSharedOffset());
  }

private:
  Index getRow(Index team, Index row, Value &valid) {
    return k.limit(k.linear({team, row}, {allTeams(), layout.teamRows}),
                   allTeams() * layout.teamRows, layout.rows, valid);
  }
  int64_t allTeams() const { return layout.panels() * layout.teams(); }

  void emitFactors(Index team, Index cell, Index at) {
    k.forEach({layout.teamRows, layout.cellGroups}, [&](ArrayRef<Index> i) {
      Value valid;
      Index row = getRow(team, i[0], valid);
      Index group = k.linear({cell, i[1]}, {layout.cells, layout.cellGroups});
      Index column =
          k.limit(k.mul(group, layout.groupColumns),
                  layout.cells * layout.cellGroups * layout.groupColumns,
                  layout.k, valid);
      auto emitThem = [&] {
        if (layout.shared)
          return stored.storeDword(emitScale(row, column),
                                   k.add(at, k.mul(i[0], 4)));
        Index table = k.linear(i, {layout.teamRows, layout.cellGroups});
        emitTable(row, column, k.add(at, k.mul(table, layout.tableBytes())));
      };
      if (valid)
        k.ifThen(valid, emitThem);
      else
        emitThem();
    });
  }

  /// One for the tensor is scaled by one.
  Value emitScale(Index row, Index column) {
    if (isa<LutFormatAttr>(Attribute(weight.getFormat())))
      return k.f32(1.0);
    return stored.ask(&FormatAttrInterface::emitScale, row, column);
  }

  /// The table that holds at (row, column).
  void emitTable(Index row, Index column, Index at) {
    int64_t entries = layout.tableEntries(), bytes = layout.valueBytes;
    k.forLoop(0, entries, 1, [&](Index entry) {
      Value code = arith::IndexCastUIOp::create(
          k.b, k.b.getI32Type(), k.value(k.mod(entry, 1 << layout.bits)));
      Value level = emitLevel(row, column, code);
      if (!layout.planes)
        return stored.storeScale(level, k.add(at, k.mul(entry, bytes)), bytes);
      Value bits = stored.emitBits(level, bytes);
      for (int64_t plane = 0; plane < bytes; ++plane)
        stored.store(arith::TruncIOp::create(
                         k.b, k.b.getI8Type(),
                         arith::ShRUIOp::create(
                             k.b, bits,
                             k.integer(bits.getType().getIntOrFloatBitWidth(),
                                       8 * plane))),
                     k.add(at, entry) + plane * entries);
    });
  }

  Value emitLevel(Index row, Index column, Value code) {
    Location loc = k.b.getLoc();
    Value payload = weight.getPayload();
    Attribute format = weight.getFormat();
    if (auto lut = dyn_cast<LutFormatAttr>(format))
      return lut.emitTableValue(k.b, loc, payload, layout.rows, layout.k,
                                k.value(row), k.value(column), code);
    return cast<CodebookFormatAttr>(format).emitTableLevel(
        k.b, loc, payload, layout.rows, layout.k, code);
  }

  /// The lines of a cell: lane by lane, all slots of a dword; or byte by byte.
  void emitLines(Index team, Index cell, Index at) {
    k.forEach({layout.bundles, layout.runLines, LutLayout::kStreams,
               LutLayout::kLanes},
              [&](ArrayRef<Index> i) {
                Index line =
                    k.linear(i.drop_back(), {layout.bundles, layout.runLines,
                                             LutLayout::kStreams});
                Index to = k.add(at, k.mul(line, LutLayout::kLine));
                Value valid;
                Index row = getRow(team, k.floorDiv(i[2], layout.runs), valid);
                Index run = k.linear({i[0], k.mod(i[2], layout.runs)},
                                     {layout.bundles, layout.runs});
                Index first =
                    k.linear({run, i[1]},
                             {layout.bundles * layout.runs, layout.runLines});
                emitLane(row, valid, cell, first, i[3], to);
              });
  }

  /// Lane `lane` of line `line` of a cell's row.
  void emitLane(Index row, Value rowValid, Index cell, Index line, Index lane,
                Index at) {
    Value dword = k.integer(32, 0);
    for (int64_t slot = 0; slot < layout.slots; ++slot) {
      Value code = emitCode(row, rowValid, cell, line, slot, lane);
      if (layout.hasBytes()) {
        stored.store(arith::TruncIOp::create(k.b, k.b.getI8Type(), code),
                     k.add(at, getByte(slot, lane)));
        continue;
      }
      Value bits = arith::ShLIOp::create(
          k.b, code, k.integer(32, slot * int64_t(layout.bits)));
      dword = arith::OrIOp::create(k.b, dword, bits);
    }
    if (!layout.hasBytes())
      stored.storeDword(dword, k.add(at, k.mul(lane, 4)));
  }

  /// `LutLayout::getByte`, for a lane that is known at run time.
  Index getByte(int64_t slot, Index lane) {
    int64_t piece = !layout.planes ? LutLayout::kLanes : 16 / layout.valueBytes;
    Index at = k.add(k.mul(k.floorDiv(lane, piece), 16), k.mod(lane, piece));
    return at + layout.getByte(slot, 0);
  }

  Value emitCode(Index row, Value valid, Index cell, Index line, int64_t slot,
                 Index lane) {
    Index group = cell, within = lane;
    if (layout.cellGroups == 1) {
      within = k.add(k.mul(line, layout.lineColumns()), lane) +
               slot * LutLayout::kLanes;
    } else {
      group = k.mul(cell, layout.cellGroups) + slot / layout.groupSlots;
      within = lane + slot % layout.groupSlots * LutLayout::kLanes;
    }
    packedf32::PaddedColumns columns = layout.getColumns();
    within = k.limit(within, columns.pitch, layout.groupColumns, valid);
    Index column =
        k.limit(k.add(k.mul(group, layout.groupColumns), within),
                layout.cells * layout.cellGroups * layout.groupColumns,
                layout.k, valid);
    Attribute format = weight.getFormat();
    auto lut = dyn_cast<LutFormatAttr>(format);
    GroupedPayload parts =
        lut ? lut.getParts() : cast<CodebookFormatAttr>(format).getParts();
    return stored.orZero(parts.emitCode(k.b, k.b.getLoc(), weight.getPayload(),
                                        layout.k, k.value(row),
                                        k.value(column)),
                         valid);
  }

  KernelBuilder &k;
  const LutLayout &layout;
  const WeightReader &weight;
  Value packed;
  packed::StoredWeight stored;
};

} // namespace

void lut::emitPack(KernelBuilder &k, const LutLayout &layout,
                   const WeightReader &weight, Value packed) {
  Packer(k, layout, weight, packed).emit();
}
