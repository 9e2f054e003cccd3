//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From shared memory to sums by `wgmma.m64nNk16` (PTX ISA 9.7.15): four warps
// multiply a panel of the weight with the N rows of the block's activations.
//
// The instruction's left operand comes from registers, so that is the weight, and
// what it computes is the transpose of the result. Warp w has columns 16w .. 16w +
// 15 of the panel: exactly word w of each lane's 16 bytes (WeightLayout.h). Its
// fragment is that of `mma.m16n8k16`'s left operand:
//
//     a0: column g      k = 2t, 2t + 1        a2: column g      k = 2t + 8, 2t + 9
//     a1: column g + 8  k = 2t, 2t + 1        a3: column g + 8  k = 2t + 8, 2t + 9
//
// The activations are read from shared memory where they lie, as a matrix with
// rows of 128 bytes, swizzled (Plan.h). Sums: [N / 8][4] f32 per lane,
// of which 0 and 1 are rows 8j + 2t and 8j + 2t + 1 of column g, 2 and 3
// those of column g + 8.
//
// Products are asynchronous: while one slice is multiplied, the next is decoded,
// and while those of a stage are, the codes of the next are loaded (`prepare`).
// ptxas lets them be so only if they are waited for all together, once in a step,
// and if nothing that the next step's read is computed before that, nor between a
// fence and a product.
//
//===----------------------------------------------------------------------===//

#include "Decode.h"
#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

class WarpgroupMultiplier final : public Multiplier {
public:
  WarpgroupMultiplier(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at)
      : t(t), plan(plan), at(at), warp(t.rem(at.warp, 4)), group(t.div(at.warp, 4)) {}

  SmallVector<Value> makeZero() override {
    return SmallVector<Value>(plan.groupRows / 2, t.f32(0.0));
  }
  SmallVector<Value> prepare(Value stage) override;
  void multiply(Value stage, ValueRange prepared, MutableArrayRef<Value> sums) override;
  void wait(MutableArrayRef<Value> sums) override;
  void store(int64_t pass, ArrayRef<Value> sums, Value tile) override;

private:
  using Columns = SmallVector<ColumnTerms>; ///< of columns g and g + 8 of this warp

  Value loadWord(Value stage, int64_t slice);
  Columns loadColumns(Value stage, int64_t slice);
  SmallVector<Value> decode(Value word, const Columns &columns);
  Value describe(Value stage);
  void update(MutableArrayRef<Value> sums, ValueRange others, StringRef text, StringRef constraints);
  void multiplyAsync(MutableArrayRef<Value> sums, ArrayRef<Value> fragment, Value description);

  ThreadBuilder &t;
  const Plan &plan;
  const ThreadPosition &at;
  Value warp, group; ///< in the warpgroup; the warpgroup
};

} // namespace

/// The words of all slices, and what decodes them, as `multiply` takes them apart.
SmallVector<Value> WarpgroupMultiplier::prepare(Value stage) {
  SmallVector<Value> words, terms;
  for (int64_t slice = 0; slice < plan.stageSlices; ++slice)
    words.push_back(loadWord(stage, slice));
  for (int64_t slice = 0; slice < plan.stageGroups(); ++slice)
    for (const ColumnTerms &column : loadColumns(stage, slice))
      terms.append({column.zero, column.highZero, column.scale});
  llvm::erase(terms, Value()); // scales are there for all or none
  words.append(terms);
  return words;
}

void WarpgroupMultiplier::multiply(Value stage, ValueRange prepared, MutableArrayRef<Value> sums) {
  ValueRange words = prepared.take_front(plan.stageSlices), terms = prepared.drop_front(plan.stageSlices);
  int64_t termCount = plan.weight.hasScale ? 3 : 2;
  auto getColumns = [&](int64_t slice) {
    Columns columns;
    int64_t first = slice % plan.stageGroups() * 2 * termCount;
    for (int64_t at = first; at < first + 2 * termCount; at += termCount)
      columns.push_back({terms[at], terms[at + 1], termCount == 3 ? Value(terms[at + 2]) : Value()});
    return columns;
  };
  Value description = describe(stage);
  for (int64_t slice = 0; slice < plan.stageSlices; ++slice) {
    SmallVector<Value> fragment = decode(words[slice], getColumns(slice));
    // LLVM would add behind the fence. A slice is 32 bytes, counted in 16.
    Value at = t.assembly(t.b.getI64Type(), description, "add.s64 $0, $1, " + std::to_string(2 * slice) + ";",
                          "=l,l", /*hasEffects=*/true);
    NVVM::WgmmaFenceAlignedOp::create(t.b);
    multiplyAsync(sums, fragment, at);
    NVVM::WgmmaGroupSyncAlignedOp::create(t.b);
  }
}

Value WarpgroupMultiplier::loadWord(Value stage, int64_t slice) {
  Value from = t.add(t.mul(group, plan.stageSlices * kSliceBytes), plan.bStart() + slice * kSliceBytes);
  from = t.add(from, t.add(t.mul(at.lane, 16), t.mul(warp, 4)));
  return t.load(t.i32Type(), t.advance(stage, from), 4);
}

WarpgroupMultiplier::Columns WarpgroupMultiplier::loadColumns(Value stage, int64_t slice) {
  Value row = t.add(t.mul(group, plan.panelScaleBytes()),
                    plan.scaleStart() + slice * plan.weight.groupBytes());
  row = t.add(row, t.add(t.mul(at.laneGroup, kPanelBlocks * 2), t.mul(warp, 4)));
  return loadColumnTerms(t, plan.weight, t.advance(stage, row), 2);
}

SmallVector<Value> WarpgroupMultiplier::decode(Value word, const Columns &columns) {
  Value shifted = arith::ShRUIOp::create(t.b, word, t.i32(8));
  SmallVector<Value> fragment;
  for (auto [source, high, column] : {std::tuple(word, false, 0), {shifted, false, 1}, {word, true, 0}, {shifted, true, 1}})
    fragment.push_back(t.bitcast(t.i32Type(), decodePair(t, source, high, columns[column])));
  return fragment;
}

/// The matrix descriptor of the activations in `stage` (PTX ISA 9.7.15.5.1): rows
/// in units of eight, 1024 bytes apart, swizzled by 128 bytes.
Value WarpgroupMultiplier::describe(Value stage) {
  constexpr int64_t kSwizzle128 = int64_t(1) << 62, kStride = int64_t(1024 / 16) << 32, kLeading = 1 << 16;
  Value address = LLVM::PtrToIntOp::create(t.b, t.i32Type(), stage);
  address = arith::AndIOp::create(t.b, arith::ShRUIOp::create(t.b, address, t.i32(4)), t.i32(0x3fff));
  Value wide = arith::ExtUIOp::create(t.b, t.b.getI64Type(), address);
  return arith::OrIOp::create(t.b, wide, t.i64(kSwizzle128 | kStride | kLeading));
}

/// Calls an instruction that reads `sums` and makes new ones of them; they come
/// first among its operands, once for reading and writing.
void WarpgroupMultiplier::update(MutableArrayRef<Value> sums, ValueRange others, StringRef text,
                                 StringRef constraints) {
  std::string all;
  for (size_t i = 0; i < sums.size(); ++i)
    all += "=f,";
  for (size_t i = 0; i < sums.size(); ++i)
    all += std::to_string(i) + ",";
  all += constraints;
  SmallVector<Value> operands(sums.begin(), sums.end());
  operands.append(others.begin(), others.end());
  auto type = LLVM::LLVMStructType::getLiteral(t.b.getContext(), SmallVector<Type>(sums.size(), t.f32Type()));
  Value result = t.assembly(type, operands, text, StringRef(all).rtrim(',').str(), /*hasEffects=*/true);
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = LLVM::ExtractValueOp::create(t.b, result, i);
}

/// NVVM's op has both operands in shared memory; this form it has not.
void WarpgroupMultiplier::multiplyAsync(MutableArrayRef<Value> sums, ArrayRef<Value> fragment,
                                        Value description) {
  int64_t count = sums.size(), next = 2 * count;
  auto list = llvm::map_range(llvm::seq(count), [](int64_t i) { return "$" + std::to_string(i); });
  std::string text = llvm::formatv(
      "wgmma.mma_async.sync.aligned.m64n{0}k16.f32.f16.f16 {{{1}}, {{${2}, ${3}, ${4}, ${5}}, ${6}, 1, 1, 1, 0;",
      plan.groupRows, llvm::join(list, ", "), next, next + 1, next + 2, next + 3, next + 4);
  SmallVector<Value> operands(fragment);
  operands.push_back(description);
  update(sums, operands, text, "r,r,r,r,l");
}

/// An empty instruction makes the sums new values, which nothing can read earlier.
void WarpgroupMultiplier::wait(MutableArrayRef<Value> sums) {
  NVVM::WgmmaWaitGroupSyncOp::create(t.b, 0);
  update(sums, {}, "", "");
}

void WarpgroupMultiplier::store(int64_t pass, ArrayRef<Value> sums, Value tile) {
  Value column = t.add(t.add(t.mul(group, kPanelColumns), t.mul(warp, 16)), at.laneGroup);
  Value first = t.advance(tile, t.add(t.mul(t.mul(at.laneInGroup, 2), plan.tilePitch()), t.mul(column, 4)));
  for (int64_t j = 0; j < plan.groupRows / 8; ++j)
    for (int64_t i = 0; i < 4; ++i)
      t.store(sums[4 * j + i],
              t.advance(first, (8 * j + i % 2) * plan.tilePitch() + i / 2 * 8 * 4), 4);
}

std::unique_ptr<Multiplier> mpq::w4a16::makeWarpgroupMultiplier(ThreadBuilder &t, const Plan &plan,
                                                                const ThreadPosition &at) {
  return std::make_unique<WarpgroupMultiplier>(t, plan, at);
}
