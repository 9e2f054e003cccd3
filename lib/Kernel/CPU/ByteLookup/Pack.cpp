//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Run by run, part by part, panel by panel: bytes of levels, scales; then sums.
// Whatever is beyond the weight's rows, columns or groups is zero.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteLayout.h"

#include "lib/Kernel/CPU/Packed/StoredWeight.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;

namespace {

class Packer {
public:
  Packer(KernelBuilder &k, const ByteLayout &layout, const WeightReader &weight,
         Value packed)
      : k(k), layout(layout),
        stored(k, weight, layout.rows, layout.k, packed, layout.bytes()) {}

  void emit() {
    k.forLoop(0, layout.runs, 1, [&](Index run) {
      Index at = k.mul(run, layout.getRunPitch());
      k.forLoop(0, layout.parts - 1, 1, [&](Index part) {
        emitPanels(run, part, k.add(at, k.mul(part, layout.getPartPitch())),
                   /*isLast=*/false);
      });
      emitPanels(run, layout.parts - 1,
                 at + (layout.parts - 1) * layout.getPartPitch(),
                 /*isLast=*/true);
    });
    k.forEach({layout.panels(), layout.panelRows},
              [&](ArrayRef<Index> i) { emitRowFactors(i[0], i[1]); });
  }

private:
  /// Row `row` of a panel.
  Index getRow(Index panel, Index row, Value &valid) {
    return k.limit(k.linear({panel, row}, {layout.panels(), layout.panelRows}),
                   layout.panels() * layout.panelRows, layout.rows, valid);
  }

  void emitPanels(Index run, Index part, Index from, bool isLast) {
    k.forEach({layout.panels(), layout.runGroups}, [&](ArrayRef<Index> i) {
      Index at = k.add(from, k.add(k.mul(i[0], layout.getPanelPitch(isLast)),
                                   k.mul(i[1], layout.getGroupBytes(isLast))));
      Value valid;
      Index group =
          k.limit(k.linear({run, i[1]}, {layout.runs, layout.runGroups}),
                  layout.runs * layout.runGroups, layout.groups, valid);
      emitLines(i[0], group, part, valid, at);
      if (isLast && layout.isGrouped())
        emitScales(i[0], group, valid, at + layout.getLineBytes());
    });
  }

  /// The lines of a part of a group.
  void emitLines(Index panel, Index group, Index part, Value groupValid,
                 Index at) {
    k.forEach({layout.partLines, layout.panelRows}, [&](ArrayRef<Index> i) {
      Value valid = groupValid;
      Index row = getRow(panel, i[1], valid);
      Index line = k.linear({part, i[0]}, {layout.parts, layout.partLines});
      Index within = k.mod(i[1], layout.line);
      int64_t inOrder = layout.line / 4;
      Index byte =
          k.add(k.mul(k.mod(within, inOrder), 4), k.floorDiv(within, inOrder));
      Index stream = k.floorDiv(i[1], layout.line);
      byte = k.add(
          byte, k.mul(k.add(k.mul(i[0], layout.streams), stream), layout.line));
      Value levels = emitByte(row, group, k.mul(line, layout.columns), valid);
      stored.store(arith::TruncIOp::create(k.b, k.b.getI8Type(), levels),
                   k.add(at, byte));
    });
  }

  /// The levels of the columns of a byte, from column `first` of a group on.
  Value emitByte(Index row, Index group, Index first, Value rowValid) {
    bool isTernary = layout.columns == TernaryByte::kDigits;
    int64_t end = layout.parts * layout.getPartColumns();
    Value byte = k.integer(32, 0);
    for (int64_t i = 0; i < layout.columns; ++i) {
      Value valid = rowValid;
      Index within = k.limit(first + i, end, layout.groupColumns, valid);
      Index column =
          k.limit(k.add(k.mul(group, layout.groupColumns), within),
                  layout.groups * layout.groupColumns, layout.k, valid);
      // A level of zero, or the code that is not added.
      Value code =
          isTernary
              ? add(stored.orZero(stored.ask(&FormatAttrInterface::emitLevel,
                                             row, column),
                                  valid),
                    k.integer(32, 1))
              : stored.orZero(
                    stored.ask(&FormatAttrInterface::emitCode, row, column),
                    valid);
      int64_t weight = isTernary ? TernaryByte::kPowers[i] : int64_t(1) << i;
      byte = add(byte, arith::MulIOp::create(k.b, code, k.integer(32, weight)));
    }
    return isTernary ? mirror(byte) : byte;
  }

  Value mirror(Value number) {
    Value mirrored = arith::SubIOp::create(
        k.b, k.integer(32, 2 * TernaryByte::kZeros + 128), number);
    Value isMirrored =
        arith::CmpIOp::create(k.b, arith::CmpIPredicate::ugt, number,
                              k.integer(32, TernaryByte::kZeros));
    return arith::SelectOp::create(k.b, isMirrored, mirrored, number);
  }

  void emitScales(Index panel, Index group, Value groupValid, Index at) {
    k.forLoop(0, layout.panelRows, 1, [&](Index i) {
      Value valid = groupValid;
      Index row = getRow(panel, i, valid);
      stored.storeScale(
          stored.emitScale(row, k.mul(group, layout.groupColumns), valid),
          k.add(at, k.mul(i, layout.scaleBytes)), layout.scaleBytes);
    });
  }

  void emitRowFactors(Index panel, Index i) {
    Value valid;
    Index row = getRow(panel, i, valid);
    Index at = k.add(k.mul(panel, layout.getFactorsPitch()), k.mul(i, 4)) +
               layout.getFactorsOffset();
    if (!layout.isGrouped())
      stored.storeDword(stored.emitScale(row, 0, valid), at);
    stored.storeDword(
        stored.emitRowSum(row, layout.groups, layout.groupColumns, valid),
        at + layout.getSumsOffset());
  }

  Value add(Value a, Value b) { return arith::AddIOp::create(k.b, a, b); }

  KernelBuilder &k;
  const ByteLayout &layout;
  packed::StoredWeight stored;
};

} // namespace

void bytelookup::emitPack(KernelBuilder &k, const ByteLayout &layout,
                          const WeightReader &weight, Value packed) {
  Packer(k, layout, weight, packed).emit();
}
