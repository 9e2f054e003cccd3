//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables and lookups.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupInt8/ByteTables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupint8;

static constexpr int64_t kLine = PackedLayout::kLine,
                         kColumns = PackedLayout::kColumns, kEntries = 16;

/// Steps with room for whole lines.
static int64_t getSteps(const PackedLayout &layout) {
  return llvm::alignTo(layout.groups * layout.groupSteps,
                       2 * ByteTables::kSteps);
}

int64_t ByteTables::getPitch(const PackedLayout &layout, unsigned bits) {
  // An odd number of lines apart, or rows of a tile compete for the same lines
  // of the cache.
  return getSteps(layout) / kSteps * getBytes(bits) + kLine;
}

ByteTables::ByteTables(KernelBuilder &k, const PackedLayout &layout,
                       packed::SignedRows &rows, int64_t rowsAtOnce,
                       unsigned bits)
    : k(k), layout(layout), rows(rows), bits(bits),
      pitch(getPitch(layout, bits)),
      bytes(VectorType::get(kLine, k.b.getI8Type())),
      words(VectorType::get(kLine / 4, k.b.getI32Type())) {
  tables = k.stackBuffer(k.b.getI8Type(), rowsAtOnce * pitch);
}

/// Byte 16 j + e becomes the sum of `activations` at 4 s + j over the bits s that
/// e has. They are 16 bytes, repeated four times.
Value ByteTables::emitTable(Value activations) {
  constexpr int8_t kZero = -128; // vpshufb makes a zero of it
  Value sum;
  for (int64_t step = 0; step < kSteps; ++step) {
    SmallVector<int8_t> from;
    for (int64_t byte = 0; byte < kLine; ++byte) {
      int64_t column = byte / kEntries, entry = byte % kEntries;
      from.push_back(entry >> step & 1 ? kColumns * step + column : kZero);
    }
    Value chosen = k.intrinsic(
        "llvm.x86.avx512.pshuf.b.512", bytes,
        {activations,
         k.constant(DenseElementsAttr::get(bytes, ArrayRef<int8_t>(from)))});
    sum = sum ? arith::AddIOp::create(k.b, sum, chosen).getResult() : chosen;
  }
  return sum;
}

void ByteTables::emitRow(Index row) {
  SmallVector<int64_t> repeated;
  for (int64_t lane = 0; lane < kLine / 4; ++lane)
    repeated.push_back(lane % kSteps);
  k.forLoop(0, getSteps(layout) / kSteps, 1, [&](Index i) {
    Value few = rows.loadSteps(row, k.mul(i, kSteps), kSteps);
    Value all = vector::ShuffleOp::create(k.b, few, few, repeated);
    auto mask = [&](Value value) -> Value {
      value = arith::AndIOp::create(
          k.b, value, k.splatInteger(32, 0x0f0f0f0f, kLine / 4));
      return vector::BitCastOp::create(k.b, bytes, value);
    };
    Index at = k.add(k.mul(row, pitch), k.mul(i, getBytes(bits)));
    if (!isSplit()) {
      k.storeVector(emitTable(vector::BitCastOp::create(k.b, bytes, all)),
                    tables, at);
      return;
    }
    Value lower = mask(all);
    Value upper = mask(arith::ShRUIOp::create(
        k.b, all, k.splatInteger(32, 4, kLine / 4)));
    // The sign of 4 bits: (h ^ 8) - 8.
    Value eight = k.splatInteger(8, 8, kLine);
    upper = arith::SubIOp::create(
        k.b, arith::XOrIOp::create(k.b, upper, eight), eight);
    k.storeVector(emitTable(lower), tables, at);
    k.storeVector(emitTable(upper), tables, at + kLine);
  });
}

std::array<Value, 2> ByteTables::getIndices(Value line) {
  Value dwords = vector::BitCastOp::create(k.b, words, line);
  std::array<Value, 2> indices;
  for (auto [half, index] : llvm::enumerate(indices)) {
    Value bits = dwords;
    if (half)
      bits = arith::ShRUIOp::create(k.b, bits,
                                    k.splatInteger(32, 4, kLine / 4));
    bits = arith::AndIOp::create(k.b, bits,
                                 k.splatInteger(32, 0x0f0f0f0f, kLine / 4));
    bits = arith::OrIOp::create(k.b, bits,
                                k.splatInteger(32, 0x30201000, kLine / 4));
    index = vector::BitCastOp::create(k.b, bytes, bits);
  }
  return indices;
}

Value ByteTables::lookUp(Value index, Index at) {
  return k.intrinsic("llvm.x86.avx512.permvar.qi.512", bytes,
                     {k.loadVector(tables, at, kLine), index});
}

Value ByteTables::dot(Value sum, Value found, Value factor, bool isSigned) {
  if (isSigned)
    std::swap(found, factor);
  return k.intrinsic("llvm.x86.avx512.vpdpbusd.512", words,
                     {sum, found, factor});
}

void ByteTables::add(Sums &sums, Index row, Index step,
                     ArrayRef<Value> indices) {
  assert(indices.size() <= kMostAdded && "sums of bytes overflow");
  Index at = k.add(k.mul(row, pitch), k.mul(step, getBytes(bits) / kSteps));
  Value lower, upper;
  auto add = [&](Value &sum, Value found) {
    sum = sum ? arith::AddIOp::create(k.b, sum, found).getResult() : found;
  };
  for (Value index : indices) {
    add(lower, lookUp(index, at));
    if (isSplit())
      add(upper, lookUp(index, at + kLine));
    at = at + getBytes(bits);
  }
  // One table: two sums in turns, so that no dot product waits for the one before.
  if (!isSplit())
    std::swap(sums.lower, sums.upper);
  sums.lower = dot(sums.lower, lower, k.splatInteger(8, layout.step, kLine),
                   /*isSigned=*/!isSplit());
  if (isSplit())
    sums.upper =
        dot(sums.upper, upper, k.splatInteger(8, 16 * layout.step, kLine),
            /*isSigned=*/true);
}
