//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From shared memory to sums by `mma.m16n8k16`: each warp has blocksM blocks of
// 16 rows of one panel, [blocksM][8 blocks of columns][4] f32 per lane. A lane
// has, of each 16 x 8 block, columns 2t and 2t + 1 of rows g and g + 8.
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

class WarpMultiplier final : public Multiplier {
public:
  WarpMultiplier(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at)
      : t(t), plan(plan), at(at), warpK(t.rem(at.warp, plan.warpsK)),
        warpN(t.rem(t.div(at.warp, plan.warpsK), plan.warpsN)),
        warpM(t.div(at.warp, plan.warpsK * plan.warpsN)) {}

  SmallVector<Value> makeZero() override {
    return SmallVector<Value>(plan.blocksM * kPanelBlocks * 4, t.f32(0.0));
  }
  void multiply(Value stage, ValueRange, MutableArrayRef<Value> sums) override;
  void store(int64_t pass, ArrayRef<Value> sums, Value tile) override;

private:
  using Columns =
      SmallVector<ColumnTerms>; ///< of the eight blocks of the panel

  Columns loadColumns(Value stage, Value slice);
  SmallVector<Value> loadInputFragment(Value stage, Value slice, int64_t block);
  void multiplySlice(Value stage, Value slice, const Columns &columns,
                     MutableArrayRef<Value> sums);

  ThreadBuilder &t;
  const Plan &plan;
  const ThreadPosition &at;
  Value warpK, warpN, warpM;
};

} // namespace

void WarpMultiplier::multiply(Value stage, ValueRange,
                              MutableArrayRef<Value> sums) {
  std::optional<Columns> common;
  if (plan.stageGroups() == 1)
    common = loadColumns(stage, t.i32(0));
  for (int64_t i = 0; i < plan.warpSlices(); ++i) {
    Value slice = t.add(t.mul(warpK, plan.warpSlices()), i);
    multiplySlice(stage, slice, common ? *common : loadColumns(stage, slice),
                  sums);
  }
}

WarpMultiplier::Columns WarpMultiplier::loadColumns(Value stage, Value slice) {
  Value row = t.advance(
      stage, t.add(t.mul(warpN, plan.panelScaleBytes()), plan.scaleStart()));
  row = t.advance(t.advance(row, t.mul(slice, plan.weight.groupBytes())),
                  t.mul(at.laneGroup, kPanelBlocks * 2));
  return loadColumnTerms(t, plan.weight, row, kPanelBlocks);
}

/// Lanes 0..15 point to the rows of the left 8 columns, 16..31 of the right.
SmallVector<Value> WarpMultiplier::loadInputFragment(Value stage, Value slice,
                                                     int64_t block) {
  Value row = t.add(t.rem(at.lane, 16), t.mul(warpM, plan.blocksM * 16));
  Value chunk = t.add(t.mul(slice, 2), t.div(at.lane, 16));
  Value swizzled = t.exclusiveOr(chunk, t.rem(at.lane, 8));
  Value offset = t.add(t.mul(row, plan.rowBytes()), t.mul(swizzled, 16));
  Value from = t.advance(stage, offset, block * 16 * plan.rowBytes());
  auto type = LLVM::LLVMStructType::getLiteral(
      t.b.getContext(), SmallVector<Type>(4, t.i32Type()));
  Value loaded = NVVM::LdMatrixOp::create(
      t.b, type, from, 4, NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(t.b.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  SmallVector<Value> fragment;
  for (int64_t i = 0; i < 4; ++i)
    fragment.push_back(
        t.bitcast(t.pairType(), LLVM::ExtractValueOp::create(t.b, loaded, i)));
  return fragment;
}

void WarpMultiplier::multiplySlice(Value stage, Value slice,
                                   const Columns &columns,
                                   MutableArrayRef<Value> sums) {
  SmallVector<SmallVector<Value>> a;
  for (int64_t m = 0; m < plan.blocksM; ++m)
    a.push_back(loadInputFragment(stage, slice, m));
  Value from = t.add(t.mul(warpN, plan.stageSlices), slice);
  from =
      t.add(t.add(t.mul(from, kSliceBytes), plan.bStart()), t.mul(at.lane, 16));
  Value words = t.load(VectorType::get(kWordsPerLane, t.i32Type()),
                       t.advance(stage, from), 16);
  auto type = LLVM::LLVMStructType::getLiteral(
      t.b.getContext(), SmallVector<Type>(4, t.f32Type()));
  for (int64_t block = 0; block < kPanelBlocks; ++block) {
    Value word = t.element(words, block / 2);
    if (block % 2)
      word = arith::ShRUIOp::create(t.b, word, t.i32(8));
    Value b0 = decodePair(t, word, false, columns[block]),
          b1 = decodePair(t, word, true, columns[block]);
    for (int64_t m = 0; m < plan.blocksM; ++m) {
      auto sum = sums.slice((m * kPanelBlocks + block) * 4, 4);
      Value result = NVVM::MmaOp::create(
          t.b, type, a[m], ValueRange{b0, b1}, ValueRange(ArrayRef<Value>(sum)),
          ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
          std::array<NVVM::MMATypes, 2>{NVVM::MMATypes::f16,
                                        NVVM::MMATypes::f16},
          std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                         NVVM::MMALayout::col});
      for (int64_t i = 0; i < 4; ++i)
        sum[i] = LLVM::ExtractValueOp::create(t.b, result, i);
    }
  }
}

/// Of the warps along K the last one stores, and the others add theirs, one
/// after the other: always the same additions in the same order.
void WarpMultiplier::store(int64_t pass, ArrayRef<Value> sums, Value tile) {
  Value row = t.add(t.mul(warpM, 16), at.laneGroup);
  Value column = t.add(t.mul(warpN, kPanelColumns), t.mul(at.laneInGroup, 2));
  Value first =
      t.advance(tile, t.add(t.mul(row, plan.tilePitch()), t.mul(column, 4)));
  auto pair = VectorType::get(2, t.f32Type());
  for (int64_t k = plan.warpsK - 1; k >= 0; --k) {
    t.ifThen(plan.warpsK == 1 ? Value() : t.equal(warpK, k), [&] {
      for (int64_t block = 0; block < kPanelBlocks; ++block)
        for (int64_t half : {0, 1}) {
          Value to = t.advance(first, half * 8 * plan.tilePitch() +
                                          block * kBlockColumns * 4);
          const Value *sum =
              &sums[(pass * kPanelBlocks + block) * 4 + 2 * half];
          Value value = t.vector({sum[0], sum[1]});
          if (k < plan.warpsK - 1)
            value = arith::AddFOp::create(t.b, value, t.load(pair, to, 8));
          t.store(value, to, 8);
        }
    });
    if (k > 0)
      t.barrier();
  }
}

std::unique_ptr<Multiplier>
mpq::w4a16::makeWarpMultiplier(ThreadBuilder &t, const Plan &plan,
                               const ThreadPosition &at) {
  return std::make_unique<WarpMultiplier>(t, plan, at);
}
