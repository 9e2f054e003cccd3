//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of sums, indices, lookups.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulTernary/FloatSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;
using namespace mpq::ternary;

FloatSums::FloatSums(KernelBuilder &k, const ByteLayout &layout, Value packed,
                     Value input)
    : PanelSums(k, layout, packed), input(k.flatten(input)),
      bytes(VectorType::get(kLine, k.b.getI8Type())),
      dwords(VectorType::get(kLanes, k.b.getI32Type())),
      reals(VectorType::get(kLanes, k.b.getF32Type())),
      firstIndices(makeIndices(0, kFirst)),
      secondIndices(makeIndices(kFirst, kDigits)) {
  tables =
      k.stackBuffer(k.b.getF32Type(), layout.getTableLines() * kTableFloats);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Value FloatSums::emitEntries(ArrayRef<Value> activations, int64_t entry) {
  Value sum;
  for (auto [column, x] : llvm::enumerate(activations)) {
    SmallVector<float> digits;
    int64_t power = TernaryByte::kPowers[column];
    for (int64_t i = entry; i < entry + kLanes; ++i)
      digits.push_back(i / power % 3 - 1);
    Value factor =
        k.constant(DenseElementsAttr::get(reals, ArrayRef<float>(digits)));
    sum = sum ? k.fma(factor, x, sum) : k.mulf(factor, x);
  }
  return sum;
}

void FloatSums::emitTables(const InputRow &row, const Piece &piece) {
  forLines(piece, [&](Index line, Index group, Index column) {
    // Zeros behind the end of a group, or of the row.
    SmallVector<Value> x;
    for (int64_t i = 0; i < kDigits; ++i) {
      Value valid;
      Index within = k.limit(column + i, layout.parts * layout.getPartColumns(),
                             layout.groupColumns, valid);
      Index at = k.limit(k.add(k.mul(group, layout.groupColumns), within),
                         layout.runs * layout.runGroups * layout.groupColumns,
                         layout.k, valid);
      Value element = k.load(input, k.add(k.mul(row.input, layout.k), at));
      if (valid)
        element = arith::SelectOp::create(k.b, valid, element, k.f32(0.0));
      x.push_back(k.broadcast(element, kLanes));
    }
    auto first = ArrayRef(x).take_front(kFirst),
         second = ArrayRef(x).drop_front(kFirst);
    Index to = k.mul(line, kTableFloats);
    k.storeVector(emitEntries(first, 0), tables, to);
    k.storeVector(emitEntries(first, kLanes), tables, to + kLanes);
    k.storeVector(emitEntries(second, 0), tables, to + 2 * kLanes);
  });
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

std::array<Value, 4> FloatSums::makeIndices(int64_t first, int64_t end) {
  std::array<Value, 4> result;
  for (auto [i, value] : llvm::enumerate(result)) {
    SmallVector<int8_t> numbers;
    for (int64_t byte = i * kLine; byte < int64_t(i + 1) * kLine; ++byte) {
      int64_t index = std::min<int64_t>(byte % 128, TernaryByte::kZeros);
      int64_t number = 0;
      for (int64_t digit = end - 1; digit >= first; --digit)
        number = 3 * number + TernaryByte::getDigit(index, byte >= 128, digit);
      numbers.push_back(number);
    }
    value =
        k.constant(DenseElementsAttr::get(bytes, ArrayRef<int8_t>(numbers)));
  }
  return result;
}

Value FloatSums::lookUp(Value line, Value mirrored,
                        const std::array<Value, 4> &indices) {
  auto half = [&](Value lower, Value upper) {
    return k.intrinsic("llvm.x86.avx512.vpermi2var.qi.512", bytes,
                       {lower, line, upper});
  };
  Value found =
      arith::SelectOp::create(k.b, mirrored, half(indices[2], indices[3]),
                              half(indices[0], indices[1]));
  return vector::BitCastOp::create(k.b, dwords, found);
}

void FloatSums::addLine(Index at, Index line, Values &sums) {
  // The hardware follows a stream that is read in order.
  k.keepLoadsInOrder();
  Value entries[3];
  Index table = k.mul(line, kTableFloats);
  for (auto [i, value] : llvm::enumerate(entries))
    value = k.loadVector(tables, table + int64_t(i) * kLanes, kLanes);
  for (int64_t stream = 0; stream < kStreams; ++stream) {
    Value codes = loadLine(at, 0, stream), mirrored = isMirrored(k, codes);
    Value first = lookUp(codes, mirrored, firstIndices);
    Value second = lookUp(codes, mirrored, secondIndices);
    for (int64_t j = 0; j < kVectors / kStreams; ++j) {
      Value &sum = sums[stream * (kVectors / kStreams) + j];
      auto index = [&](Value all) -> Value {
        if (j == 0)
          return all;
        return arith::ShRUIOp::create(k.b, all,
                                      k.splatInteger(32, 8 * j, kLanes));
      };
      sum = k.addf(sum, k.intrinsic("llvm.x86.avx512.vpermi2var.ps.512", reals,
                                    {entries[0], index(first), entries[1]}));
      sum = k.addf(sum, k.intrinsic("llvm.x86.avx512.permvar.sf.512", reals,
                                    {entries[2], index(second)}));
    }
  }
}

PanelSums::Values FloatSums::emitGroup(Index at, Index firstLine) {
  // Of more lines LLVM lets indices wait until registers run out.
  constexpr int64_t kUnrolled = 2;
  Values sums(kVectors, k.splatF32(0.0, kLanes));
  auto addLines = [&](Index line, int64_t count, ValueRange before) {
    Values next(before);
    for (int64_t i = 0; i < count; ++i)
      addLine(k.add(at, k.mul(line + i, layout.panelRows)),
              k.add(firstLine, line + i), next);
    return next;
  };
  int64_t whole = layout.partLines / kUnrolled * kUnrolled;
  sums = k.forLoop(0, whole, kUnrolled, sums, [&](Index line, ValueRange v) {
    return addLines(line, kUnrolled, v);
  });
  if (whole < layout.partLines)
    sums = addLines(whole, layout.partLines - whole, sums);
  return sums;
}
