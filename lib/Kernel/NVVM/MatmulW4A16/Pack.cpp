//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Levels become nibbles, scales become f16 relative to the column's factor.
//
// A format says what the level of a weight is (code minus zero point). Within a
// group, levels of a format of up to 4 bits span at most 15, so with
//
//     zero = max(0, -min(levels of the group))
//
// level + zero is a nibble. That needs no knowledge of how the format stores its
// zero points. Symmetric formats have one zero for all, minus the smallest level
// that there is.
//
//===----------------------------------------------------------------------===//

#include "Pack.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

class Packer {
public:
  Packer(KernelBuilder &k, const WeightLayout &layout,
         const WeightReader &weight, Value packed)
      : k(k), layout(layout), weight(weight), format(weight.getFormat()),
        words(k.view(packed, k.b.getI32Type(), 0, layout.scalesStart() / 4)),
        halves(k.view(packed, k.b.getI16Type(), 0, layout.factorsStart() / 2)),
        floats(k.view(packed, k.b.getF32Type(), 0, layout.bytes() / 4)) {}

  void emit() {
    k.forEach({layout.panels, kPanelColumns}, [&](ArrayRef<Index> at) {
      Index column = k.add(k.mul(at[0], kPanelColumns), at[1]);
      Value inside;
      Index row = k.limit(column, layout.panels * kPanelColumns, layout.columns,
                          inside);
      emitScales(at[0], at[1], row, column);
    });
    k.forEach({layout.panels, layout.slices, kLanes, kWordsPerLane},
              [&](ArrayRef<Index> at) { emitWord(at); });
  }

private:
  Value i32(int64_t value) { return k.integer(32, value); }
  template <typename OpT> Value make(Value a, Value b) {
    return OpT::create(k.b, a, b);
  }

  Value level(Index row, Index column) {
    return format.emitLevel(k.b, k.b.getLoc(), weight.getPayload(),
                            layout.columns, layout.depth, k.value(row),
                            k.value(column));
  }
  Value scale(Index row, Index column) {
    return format.emitScale(k.b, k.b.getLoc(), weight.getPayload(),
                            layout.columns, layout.depth, k.value(row),
                            k.value(column));
  }
  Index groupEnd(Index group) {
    return k.min(k.mul(k.add(group, 1), layout.group), layout.depth);
  }

  /// Where (panel, group, column in the panel) lies in `halves`: [8][8], where
  /// column % 8 chooses the lane and column / 8 the block.
  Index rowEntry(Index panel, Index group, Index within) {
    Index start = k.add(k.mul(panel, layout.panelScaleBytes() / 2),
                        k.mul(group, layout.groupBytes() / 2));
    Index place = k.add(k.mul(k.mod(within, kBlockColumns), kPanelBlocks),
                        k.floorDiv(within, kBlockColumns));
    return k.add(start, place) + layout.scalesStart() / 2;
  }

  void emitScales(Index panel, Index within, Index row, Index column);
  Value computeZero(Index row, Index group);
  Value loadZero(Index panel, Index group, Index within);
  Value powerBelow(Value magnitude);
  Value toHalf(Value real);
  void emitWord(ArrayRef<Index> at);
  Value nibble(Index panel, Index slice, Index lane, Index word, int64_t nibble);

  KernelBuilder &k;
  const WeightLayout &layout;
  const WeightReader &weight;
  FormatAttrInterface format;
  Value words, halves, floats;
};

/// 2^floor(log2(magnitude)); 1 where that is not a normal number.
Value Packer::powerBelow(Value magnitude) {
  Value bits = arith::BitcastOp::create(k.b, k.b.getI32Type(), magnitude);
  Value exponent = make<arith::AndIOp>(bits, i32(0x7f800000));
  Value none = arith::CmpIOp::create(k.b, arith::CmpIPredicate::eq, exponent, i32(0));
  Value usable = arith::SelectOp::create(k.b, none, i32(0x3f800000), exponent);
  return arith::BitcastOp::create(k.b, k.b.getF32Type(), usable);
}

/// The f16 pattern (i16) of a number below 65504, rounded half to even, by the
/// steps of `toHalf` in mpq/Support/Quantization.h: not every CPU that compiles
/// has an instruction for it.
Value Packer::toHalf(Value real) {
  Value bits = arith::BitcastOp::create(k.b, k.b.getI32Type(), real);
  Value sign = make<arith::AndIOp>(make<arith::ShRUIOp>(bits, i32(16)), i32(0x8000));
  Value magnitude = make<arith::AndIOp>(bits, i32(0x7fffffff));
  Value asReal = arith::BitcastOp::create(k.b, k.b.getF32Type(), magnitude);
  Value shifted = arith::BitcastOp::create(k.b, k.b.getI32Type(), k.addf(asReal, k.f32(0.5)));
  Value small = make<arith::SubIOp>(shifted, i32(0x3f000000));
  Value odd = make<arith::AndIOp>(make<arith::ShRUIOp>(magnitude, i32(13)), i32(1));
  Value rounded = make<arith::AddIOp>(magnitude, make<arith::AddIOp>(odd, i32(0xfff)));
  Value normal = make<arith::ShRUIOp>(
      make<arith::SubIOp>(rounded, i32(112 << 23)), i32(13));
  Value isSmall = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ult, magnitude, i32(0x38800000));
  Value half = make<arith::OrIOp>(
      sign, arith::SelectOp::create(k.b, isSmall, small, normal));
  return arith::TruncIOp::create(k.b, k.b.getI16Type(), half);
}

/// What is added to the levels of a group, as i32.
Value Packer::computeZero(Index row, Index group) {
  SmallVector<Value> smallest = k.forLoop(
      k.mul(group, layout.group), groupEnd(group), 1, {i32(0)},
      [&](Index column, ValueRange smallest) {
        return SmallVector<Value>{
            make<arith::MinSIOp>(smallest[0], level(row, column))};
      });
  return make<arith::SubIOp>(i32(0), smallest[0]);
}

/// The same, from the row of zero points: 1024 + zero is 0x6400 + zero as f16.
Value Packer::loadZero(Index panel, Index group, Index within) {
  if (!layout.hasZero)
    return i32(layout.zero);
  Value half = k.load(halves, rowEntry(panel, group, within) + layout.zeroOffset() / 2);
  Value wide = arith::ExtUIOp::create(k.b, k.b.getI32Type(), half);
  return make<arith::SubIOp>(wide, i32(kMagic));
}

/// The factor of one column, and its entries in the scale rows of all groups.
/// Columns past the last one repeat it; their results are not stored.
void Packer::emitScales(Index panel, Index within, Index row, Index column) {
  auto magnitude = [&](Index group) -> Value {
    Value bits = arith::BitcastOp::create(k.b, k.b.getI32Type(),
                                          scale(row, k.mul(group, layout.group)));
    bits = make<arith::AndIOp>(bits, i32(0x7fffffff));
    return arith::BitcastOp::create(k.b, k.b.getF32Type(), bits);
  };
  Value factor = layout.hasScale ? Value() : scale(row, 0);
  if (!factor)
    factor = powerBelow(k.forLoop(
        0, layout.groups, 1, {k.f32(0)}, [&](Index group, ValueRange largest) {
          return SmallVector<Value>{
              arith::MaxNumFOp::create(k.b, largest[0], magnitude(group))};
        })[0]);
  k.store(factor, floats, k.add(column, layout.factorsStart() / 4));
  if (!layout.rowsPerGroup())
    return;
  k.forLoop(0, layout.groups, 1, [&](Index group) {
    Index at = rowEntry(panel, group, within);
    if (layout.hasScale) {
      Value relative = arith::DivFOp::create(
          k.b, scale(row, k.mul(group, layout.group)), factor);
      k.store(toHalf(relative), halves, at);
    }
    if (layout.hasZero) {
      Value half = make<arith::AddIOp>(computeZero(row, group), i32(kMagic));
      k.store(arith::TruncIOp::create(k.b, k.b.getI16Type(), half), halves,
              at + layout.zeroOffset() / 2);
    }
  });
}

/// One nibble as i32; what lies outside of the matrix is level 0 or any other:
/// its product is with zero, or is not stored.
Value Packer::nibble(Index panel, Index slice, Index lane, Index word,
                     int64_t nibble) {
  Value inside;
  Index within = k.add(k.mul(word, 16), k.floorDiv(lane, 4)) + nibbleColumn(0, nibble);
  Index column = k.limit(k.add(k.mul(panel, kPanelColumns), within),
                         layout.panels * kPanelColumns, layout.columns, inside);
  Index padded = k.add(k.mul(slice, kSliceDepth), k.mul(k.mod(lane, 4), 2)) +
                 nibbleDepth(nibble);
  Index group = k.floorDiv(padded, layout.paddedGroup);
  Index offset = k.limit(k.mod(padded, layout.paddedGroup), layout.paddedGroup,
                         layout.group, inside);
  Index depth = k.limit(k.add(k.mul(group, layout.group), offset),
                        layout.groups * layout.paddedGroup, layout.depth, inside);
  return make<arith::AddIOp>(level(column, depth), loadZero(panel, group, within));
}

void Packer::emitWord(ArrayRef<Index> at) {
  Value word = i32(0);
  for (int64_t n = 0; n < kNibblesPerWord; ++n) {
    Value value = make<arith::AndIOp>(nibble(at[0], at[1], at[2], at[3], n), i32(15));
    word = make<arith::OrIOp>(word, make<arith::ShLIOp>(value, i32(4 * n)));
  }
  k.store(word, words,
          k.linear(at, {layout.panels, layout.slices, kLanes, kWordsPerLane}));
}

} // namespace

void mpq::w4a16::emitPacking(KernelBuilder &k, const WeightLayout &layout,
                             const WeightReader &weight, Value packed) {
  Packer(k, layout, weight, packed).emit();
}
