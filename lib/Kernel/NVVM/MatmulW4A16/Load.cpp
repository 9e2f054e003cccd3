//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From global to shared memory: activations, weights, scales.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

ThreadPosition::ThreadPosition(ThreadBuilder &t, const Plan &plan) {
  thread = NVVM::ThreadIdXOp::create(t.b, t.i32Type());
  rowBlock = NVVM::BlockIdXOp::create(t.b, t.i32Type());
  columnBlock = NVVM::BlockIdYOp::create(t.b, t.i32Type());
  split = NVVM::BlockIdZOp::create(t.b, t.i32Type());
  lane = t.rem(thread, kLanes);
  warp = t.div(thread, kLanes);
  laneGroup = t.div(lane, 4);
  laneInGroup = t.rem(lane, 4);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Elements that lie in one aligned load and are either all inside of the
/// matrix (and of a group) or all outside.
static int64_t getVectorLength(const WeightLayout &weight, int64_t elementBytes) {
  int64_t common = weight.depth;
  if (!weight.isIdentity())
    common = std::gcd(common, weight.group);
  int64_t power = common & -common;
  return std::min(power, std::min(kChunk, 16 / elementBytes));
}

InputLoader::InputLoader(ThreadBuilder &t, const Plan &plan,
                         const ThreadPosition &at,
                         const KernelArguments &arguments)
    : t(t), plan(plan), arguments(arguments),
      elementBytes(arguments.inputType.isF16() ? 2 : 4),
      vectorLength(getVectorLength(plan.weight, elementBytes)) {
  int64_t perRow = plan.stageDepth() / kChunk, count = plan.rows() * perRow;
  Value lastRow = t.sub(arguments.rows, t.i32(1));
  for (int64_t i = 0; i * plan.threads() < count; ++i) {
    Chunk chunk;
    Value index = t.add(at.thread, i * plan.threads());
    if ((i + 1) * plan.threads() > count)
      chunk.guard = t.lessThan(index, count);
    Value row = t.div(index, perRow), within = t.rem(index, perRow);
    // Rows past the last are zero, or repeat it; their results are not stored.
    Value global = t.add(t.mul(at.rowBlock, plan.rows()), row);
    chunk.isRow = t.lessThan(global, arguments.rows);
    global = t.min(global, lastRow);
    chunk.row = t.advanceFar(arguments.input, global, plan.weight.depth * elementBytes);
    chunk.depth = t.mul(within, kChunk);
    Value swizzled = t.exclusiveOr(within, t.rem(row, 8));
    chunk.place = t.add(t.mul(row, plan.rowBytes()), t.mul(swizzled, 16));
    chunks.push_back(chunk);
  }
}

void InputLoader::begin(Value step, Value stage, Value condition) {
  const WeightLayout &weight = plan.weight;
  for (const Chunk &chunk : chunks) {
    Value depth = t.add(t.mul(step, plan.stageDepth()), chunk.depth);
    if (isAsynchronous()) {
      Value inside = t.both(chunk.isRow, t.lessThan(depth, weight.depth));
      Value from =
          t.advance(chunk.row, t.mul(t.min(depth, weight.depth - kChunk), 2));
      t.copyAsync(t.advance(stage, chunk.place), from,
                  t.select(inside, t.i32(16), t.i32(0)),
                  t.both(chunk.guard, condition));
      continue;
    }
    Pending loaded;
    loaded.to = t.advance(stage, chunk.place);
    loaded.guard = chunk.guard;
    loadElements(chunk, depth, loaded);
    // Many narrow loads would hold too many registers until `finish`.
    if (vectorLength * elementBytes < 8)
      store(loaded);
    else
      pending.push_back(loaded);
  }
}

/// The eight elements from `depth` (of the padded depth) on; zero where there
/// are none. Addresses are always inside of the row, so no branch is needed.
void InputLoader::loadElements(const Chunk &chunk, Value depth, Pending &loaded) {
  const WeightLayout &weight = plan.weight;
  // A chunk of eight never leaves its padded group.
  Value group, offset = depth, start = t.i32(0);
  if (!weight.isIdentity()) {
    group = t.div(depth, weight.paddedGroup);
    offset = t.rem(depth, weight.paddedGroup);
    start = t.mul(group, weight.group);
  }
  Type type = VectorType::get(vectorLength, arguments.inputType);
  for (int64_t i = 0; i < kChunk; i += vectorLength) {
    Value within = t.add(offset, i), k = t.add(start, within);
    Value inside = t.lessThan(k, weight.depth);
    if (!weight.isIdentity())
      inside = t.both(inside, t.lessThan(within, weight.group));
    Value from = t.advance(chunk.row, t.mul(t.min(k, weight.depth - vectorLength), elementBytes));
    Value read = t.load(vectorLength == 1 ? arguments.inputType : type, from,
                        vectorLength * elementBytes);
    Value zero = t.constant(t.b.getFloatAttr(arguments.inputType, 0.0));
    for (int64_t e = 0; e < vectorLength; ++e)
      loaded.elements.push_back(
          t.select(inside, vectorLength == 1 ? read : t.element(read, e), zero));
  }
}

void InputLoader::store(const Pending &loaded) {
  SmallVector<Value> halves;
  for (Value element : loaded.elements)
    halves.push_back(arguments.inputType.isF16()
                         ? element
                         : arith::TruncFOp::create(t.b, t.f16Type(), element));
  Value chunk = t.vector(halves);
  t.ifThen(loaded.guard, [&] { t.store(chunk, loaded.to, 16); });
}

void InputLoader::finish() {
  for (const Pending &loaded : pending)
    store(loaded);
  pending.clear();
}

//===----------------------------------------------------------------------===//
// Weights and scales
//===----------------------------------------------------------------------===//

WeightLoader::WeightLoader(ThreadBuilder &t, const Plan &plan,
                           const ThreadPosition &at, Value packed)
    : t(t), plan(plan) {
  const WeightLayout &weight = plan.weight;
  Value firstPanel = t.mul(at.columnBlock, plan.panels());
  // `rows` rows of `rowBytes` per panel: slices, or scale rows.
  auto split = [&](int64_t rows, int64_t rowBytes, int64_t start,
                   int64_t panelBytes, int64_t stageStart) {
    SmallVector<Chunk> chunks;
    int64_t count = plan.panels() * rows * rowBytes / 16;
    for (int64_t i = 0; i * plan.threads() < count; ++i) {
      Chunk chunk;
      Value index = t.add(at.thread, i * plan.threads());
      if ((i + 1) * plan.threads() > count)
        chunk.guard = t.lessThan(index, count);
      Value panel = t.min(t.add(firstPanel, t.div(index, rows * rowBytes / 16)), weight.panels - 1);
      Value inPanel = t.rem(index, rows * rowBytes / 16);
      chunk.from = t.advanceFar(t.advance(packed, t.constant(t.b.getI64IntegerAttr(start))),
                                panel, panelBytes);
      chunk.slice = t.div(inPanel, rowBytes / 16);
      chunk.within = t.mul(t.rem(inPanel, rowBytes / 16), 16);
      chunk.place = t.add(t.mul(index, 16), stageStart);
      chunks.push_back(chunk);
    }
    return chunks;
  };
  slices = split(plan.stageSlices, kSliceBytes, 0, weight.panelBytes(), plan.bStart());
  if (weight.rowsPerGroup())
    scales = split(plan.stageGroups(), weight.groupBytes(), weight.scalesStart(),
                   weight.panelScaleBytes(), plan.scaleStart());
}

void WeightLoader::begin(Value step, Value stage, Value condition) {
  const WeightLayout &weight = plan.weight;
  Value firstSlice = t.mul(step, plan.stageSlices);
  for (const Chunk &chunk : slices) {
    // Past the end there are zeros, not the next panel.
    Value slice = t.add(firstSlice, chunk.slice);
    Value bytes =
        t.select(t.lessThan(slice, weight.slices), t.i32(16), t.i32(0));
    Value offset = t.mul(t.min(slice, weight.slices - 1), kSliceBytes);
    t.copyAsync(t.advance(stage, chunk.place),
                t.advance(t.advance(chunk.from, offset), chunk.within), bytes,
                t.both(chunk.guard, condition));
  }
  for (const Chunk &chunk : scales) {
    Value slice =
        plan.stageGroups() == 1 ? firstSlice : t.add(firstSlice, chunk.slice);
    Value group = t.min(t.div(t.mul(slice, kSliceDepth), weight.paddedGroup),
                        weight.groups - 1);
    Value offset = t.mul(group, weight.groupBytes());
    t.copyAsync(t.advance(stage, chunk.place),
                t.advance(t.advance(chunk.from, offset), chunk.within), Value(),
                t.both(chunk.guard, condition));
  }
}
