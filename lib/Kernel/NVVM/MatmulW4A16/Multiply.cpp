//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From shared memory to sums: fragments, decoding, mma.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

SmallVector<Value> Accumulators::makeZero() {
  return SmallVector<Value>(size(), t.f32(0.0));
}

void Accumulators::multiply(Value stage, MutableArrayRef<Value> sums) {
  std::optional<Columns> common;
  if (plan.stageGroups() == 1)
    common = loadColumns(stage, t.i32(0));
  for (int64_t i = 0; i < plan.warpSlices(); ++i) {
    Value slice = t.add(t.mul(at.warpK, plan.warpSlices()), i);
    multiplySlice(stage, slice, common ? *common : loadColumns(stage, slice), sums);
  }
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

/// Eight f16 of a scale row, each twice.
SmallVector<Value> Accumulators::loadRow(Value from) {
  Value row = t.load(VectorType::get(kPanelBlocks, t.f16Type()), from, 16);
  SmallVector<Value> pairs;
  for (int64_t i = 0; i < kPanelBlocks; ++i) {
    Value half = t.element(row, i);
    pairs.push_back(t.vector({half, half}));
  }
  return pairs;
}

Accumulators::Columns Accumulators::loadColumns(Value stage, Value slice) {
  const WeightLayout &weight = plan.weight;
  Columns columns;
  if (!weight.hasZero) {
    columns.zero.assign(kPanelBlocks, t.pair(-1024.0 - weight.zero));
    columns.highZero.assign(kPanelBlocks, t.pair(-64.0 - weight.zero));
  }
  if (!weight.rowsPerGroup())
    return columns;
  Value row = t.advance(stage, t.add(t.mul(at.warpN, plan.panelScaleBytes()), plan.scaleStart()));
  row = t.advance(t.advance(row, t.mul(slice, weight.groupBytes())),
                  t.mul(at.laneGroup, kPanelBlocks * 2));
  if (weight.hasScale)
    columns.scale = loadRow(row);
  if (weight.hasZero)
    for (Value zero : loadRow(t.advance(row, weight.zeroOffset()))) {
      // zero is 1024 + z; all of these are integers that f16 has exactly.
      columns.zero.push_back(arith::NegFOp::create(t.b, zero));
      columns.highZero.push_back(arith::SubFOp::create(t.b, t.pair(960.0), zero));
    }
  return columns;
}

/// Lanes 0..15 point to the rows of the left 8 columns, 16..31 of the right.
SmallVector<Value> Accumulators::loadInputFragment(Value stage, Value slice, int64_t block) {
  Value row = t.add(t.rem(at.lane, 16), t.mul(at.warpM, plan.blocksM * 16));
  Value chunk = t.add(t.mul(slice, 2), t.div(at.lane, 16));
  Value swizzled = t.exclusiveOr(chunk, t.rem(at.lane, 8));
  Value offset = t.add(t.mul(row, plan.rowBytes()), t.mul(swizzled, 16));
  Value from = t.advance(stage, offset, block * 16 * plan.rowBytes());
  auto type = LLVM::LLVMStructType::getLiteral(
      t.b.getContext(), SmallVector<Type>(4, t.i32Type()));
  Value loaded = NVVM::LdMatrixOp::create(
      t.b, type, from, 4, NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(t.b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  SmallVector<Value> fragment;
  for (int64_t i = 0; i < 4; ++i)
    fragment.push_back(t.bitcast(t.pairType(), LLVM::ExtractValueOp::create(t.b, loaded, i)));
  return fragment;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Two nibbles of a word as f16: the low ones of each half (b0), or the high
/// ones (b1). LLVM does not form lop3 by itself.
Value Accumulators::decode(Value word, bool high, const Columns &columns, int64_t block) {
  Value mask = t.i32(high ? 0x00f000f0 : 0x000f000f);
  Value magic = t.i32(kMagic << 16 | kMagic);
  Value bits = LLVM::InlineAsmOp::create(
      t.b, t.i32Type(), ValueRange{word, mask, magic}, "lop3.b32 $0, $1, $2, $3, 0xea;",
      "=r,r,r,r", /*has_side_effects=*/false, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr()).getRes();
  Value pair = t.bitcast(t.pairType(), bits);
  Value level = high ? t.fma(pair, t.pair(1.0 / 16), columns.highZero[block])
                     : arith::AddFOp::create(t.b, pair, columns.zero[block]).getResult();
  if (columns.scale.empty())
    return level;
  return arith::MulFOp::create(t.b, level, columns.scale[block]);
}

void Accumulators::multiplySlice(Value stage, Value slice, const Columns &columns,
                                 MutableArrayRef<Value> sums) {
  SmallVector<SmallVector<Value>> a;
  for (int64_t m = 0; m < plan.blocksM; ++m)
    a.push_back(loadInputFragment(stage, slice, m));
  Value from = t.add(t.mul(at.warpN, plan.stageSlices), slice);
  from = t.add(t.add(t.mul(from, kSliceBytes), plan.bStart()), t.mul(at.lane, 16));
  Value words = t.load(VectorType::get(kWordsPerLane, t.i32Type()), t.advance(stage, from), 16);
  auto type = LLVM::LLVMStructType::getLiteral(t.b.getContext(), SmallVector<Type>(4, t.f32Type()));
  for (int64_t block = 0; block < kPanelBlocks; ++block) {
    Value word = t.element(words, block / 2);
    if (block % 2)
      word = arith::ShRUIOp::create(t.b, word, t.i32(8));
    Value b0 = decode(word, false, columns, block), b1 = decode(word, true, columns, block);
    for (int64_t m = 0; m < plan.blocksM; ++m) {
      auto sum = sums.slice((m * kPanelBlocks + block) * 4, 4);
      Value result = NVVM::MmaOp::create(
          t.b, type, a[m], ValueRange{b0, b1}, ValueRange(ArrayRef<Value>(sum)),
          ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
          std::array<NVVM::MMATypes, 2>{NVVM::MMATypes::f16, NVVM::MMATypes::f16},
          std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
      for (int64_t i = 0; i < 4; ++i)
        sum[i] = LLVM::ExtractValueOp::create(t.b, result, i);
    }
  }
}

//===----------------------------------------------------------------------===//
// Sums of several warps
//===----------------------------------------------------------------------===//

/// The upper half of the warps along K gives its sums to the lower half, until
/// one is left: always the same additions in the same order.
SmallVector<Value> Accumulators::reduce(Value shared, ArrayRef<Value> in) {
  SmallVector<Value> sums(in);
  int64_t perWarp = size() / 4 * kLanes * 16;
  if (plan.warpsK > 1)
    t.waitForCopies(0); // copies past the end still write zeros into the ring
  Value others = t.add(t.mul(at.warpM, plan.warpsN), at.warpN);
  for (int64_t half = plan.warpsK / 2; half >= 1; half /= 2) {
    auto place = [&](Value warpK) {
      Value warp = t.add(t.mul(others, half), warpK);
      return t.advance(t.advance(shared, t.mul(warp, perWarp)), t.mul(at.lane, 16));
    };
    t.barrier(); // what was there has been read
    Value isUpper = t.both(t.lessThan(at.warpK, 2 * half),
                           arith::CmpIOp::create(t.b, arith::CmpIPredicate::uge, at.warpK, t.i32(half)));
    t.ifThen(isUpper, [&] {
      Value to = place(t.sub(at.warpK, t.i32(half)));
      for (int64_t i = 0; i < size() / 4; ++i)
        t.store(t.vector(ArrayRef(sums).slice(4 * i, 4)), t.advance(to, i * kLanes * 16), 16);
    });
    t.barrier();
    sums = t.ifThen(t.lessThan(at.warpK, half), sums, [&] {
      SmallVector<Value> added;
      Value from = place(at.warpK);
      for (int64_t i = 0; i < size() / 4; ++i) {
        Value more = t.load(VectorType::get(4, t.f32Type()), t.advance(from, i * kLanes * 16), 16);
        for (int64_t e = 0; e < 4; ++e)
          added.push_back(arith::AddFOp::create(t.b, sums[4 * i + e], t.element(more, e)));
      }
      return added;
    });
  }
  return sums;
}
