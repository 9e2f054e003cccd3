//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Quantization of rows, and sums of their codes.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/SignedRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

/// Elements that are quantized at a time.
static constexpr int64_t kLanes = 16;

int64_t SignedRows::getPitch(const PackedLayout &layout) {
  constexpr int64_t kLineDwords = PackedLayout::kLine / 4;
  int64_t steps = layout.groups * layout.groupSteps;
  return (llvm::divideCeil(steps, kLineDwords) | 1) * kLineDwords;
}

int64_t SignedRows::getRowsIn(const PackedLayout &layout, int64_t bytes) {
  return std::max<int64_t>(1,
                           bytes / (getPitch(layout) * 4 + layout.groups * 4));
}

SignedRows::SignedRows(KernelBuilder &k, const PackedLayout &layout,
                       Activation input, int64_t rowsAtOnce, int64_t sumShift,
                       bool keepsCodes)
    : k(k), layout(layout), input(input), middle(this->input.quant.getMiddle()),
      pitch(getPitch(layout)),
      factor((layout.zeroPoints ? -1 : layout.low) * (int64_t(1) << sumShift)),
      keepsCodes(keepsCodes) {
  // Vectors may be stored beyond the end of the last row.
  int64_t count = (keepsCodes ? rowsAtOnce : 1) * pitch + kLanes / 4;
  codes = k.stackBuffer(k.b.getI8Type(), count * 4);
  dwords = k.view(codes, k.b.getI32Type(), 0, count);
  sums = k.stackBuffer(k.b.getI32Type(), rowsAtOnce * layout.groups);
  if (!isDynamic())
    return;
  if (!isGrouped())
    offsets = k.stackBuffer(k.b.getI32Type(), rowsAtOnce);
  scales = k.stackBuffer(k.b.getF32Type(),
                         rowsAtOnce * (isGrouped() ? layout.groups : 1));
}

Value SignedRows::loadStep(Index row, Index step) {
  return k.load(dwords, k.add(k.mul(row, pitch), step));
}

Value SignedRows::loadSteps(Index row, Index step, int64_t count) {
  return k.loadVector(dwords, k.add(k.mul(row, pitch), step), count);
}

Value SignedRows::loadSum(Index row, Index group) {
  return k.load(sums, k.add(k.mul(row, layout.groups), group));
}

Value SignedRows::loadOffset(Index row) {
  if (isDynamic())
    return k.load(offsets, row);
  return k.integer(32, middle - input.quant.getZeroPoint());
}

Value SignedRows::loadScale(Index row) {
  return isDynamic() ? k.load(scales, row) : k.f32(input.quant.getScale());
}

Value SignedRows::loadScale(Index row, Index group) {
  return k.load(scales, k.add(k.mul(row, layout.groups), group));
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void SignedRows::emitRow(Index from, Index to) {
  Index source = k.mul(from, layout.k);
  std::optional<DynamicQuantization> quant;
  if (isDynamic() && !isGrouped()) {
    quant = DynamicQuantization::ofRow(k, input.quant, input.buffer, source,
                                       layout.k);
    Type i32 = k.b.getI32Type();
    Value zero = arith::FPToSIOp::create(k.b, i32, quant->zeroPoint);
    k.store(arith::SubIOp::create(k.b, k.integer(32, middle), zero), offsets,
            to);
    k.store(quant->scale, scales, to);
  }
  Index codesAt = keepsCodes ? k.mul(to, pitch * 4) : Index();
  Index sumsAt = k.mul(to, layout.groups);
  auto visit = [&](Index group, int64_t columns) {
    Index first = k.add(source, k.mul(group, layout.groupColumns));
    std::optional<DynamicQuantization> own = quant;
    if (isGrouped()) {
      own = DynamicQuantization::ofRow(k, input.quant, input.buffer, first,
                                       columns);
      k.store(own->scale, scales, k.add(sumsAt, group));
    }
    Value sum = emitGroup(own ? &*own : nullptr, first, columns,
                          k.add(codesAt, k.mul(group, layout.groupSteps * 4)));
    sum = arith::MulIOp::create(k.b, sum, k.integer(32, factor));
    k.store(sum, sums, k.add(sumsAt, group));
  };
  // The last group may be shorter.
  k.forLoop(0, layout.groups - 1, 1,
            [&](Index group) { visit(group, layout.groupColumns); });
  visit(layout.groups - 1, layout.getColumns(layout.groups - 1));
}

Value SignedRows::emitGroup(const DynamicQuantization *quant, Index from,
                            int64_t count, Index to) {
  auto words = VectorType::get(kLanes, k.b.getI32Type());
  auto bytes = VectorType::get(kLanes, k.b.getI8Type());
  auto visit = [&](Index i, int64_t valid, Value sum) -> Value {
    Value signedCodes = emitCodes(quant, k.add(from, i), valid);
    k.storeVector(arith::TruncIOp::create(k.b, bytes, signedCodes), codes,
                  k.add(to, i));
    return arith::AddIOp::create(k.b, sum, signedCodes);
  };
  Value sum = k.constant(cast<TypedAttr>(k.b.getZeroAttr(words)));
  int64_t whole = count / kLanes * kLanes, padded = layout.groupSteps * 4;
  sum = k.forLoop(0, whole, kLanes, sum, [&](Index i, ValueRange v) {
    return SmallVector<Value>{visit(i, kLanes, v[0])};
  })[0];
  if (whole < count)
    sum = visit(whole, count - whole, sum);
  Value zeros = k.constant(cast<TypedAttr>(k.b.getZeroAttr(bytes)));
  int64_t written = llvm::alignTo(count, kLanes);
  k.forLoop(0, llvm::divideCeil(std::max<int64_t>(padded - written, 0), kLanes),
            1, [&](Index i) {
              k.storeVector(zeros, codes,
                            k.add(to, k.mul(i, kLanes)) + written);
            });
  return vector::ReductionOp::create(k.b, vector::CombiningKind::ADD, sum);
}

Value SignedRows::emitCodes(const DynamicQuantization *quant, Index from,
                            int64_t valid) {
  auto words = VectorType::get(kLanes, k.b.getI32Type());
  Value x = k.loadPartial(input.buffer, from, kLanes, valid);
  Value unsignedCodes =
      quant ? quant->encode(k, x) : arith::ExtUIOp::create(k.b, words, x);
  Value result = arith::SubIOp::create(k.b, unsignedCodes,
                                       k.splatInteger(32, middle, kLanes));
  if (valid >= kLanes)
    return result;
  Value zeros = k.splatInteger(32, 0, kLanes);
  return arith::SelectOp::create(k.b, k.mask(kLanes, valid), result, zeros);
}
