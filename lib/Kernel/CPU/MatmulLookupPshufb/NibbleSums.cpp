//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables and lookups.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupPshufb/NibbleSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;
using namespace mpq::lookuppshufb;

/// Entries of a table; columns of a byte.
static constexpr int64_t kEntries = 16, kColumns = 8;

NibbleSums::NibbleSums(KernelBuilder &k, const ByteLayout &layout, Value packed,
                       const PackedLayout &plain, packed::SignedRows &rows,
                       unsigned bits)
    : IntegerSums(k, layout, packed, plain, rows, bits, kTable),
      dwords(VectorType::get(layout.line / 4, k.b.getI32Type())) {}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Value NibbleSums::emitEntries(Value activations, int64_t offset) {
  constexpr int8_t kZero = -128; // vpshufb makes a zero of it
  auto type = VectorType::get(kTable, k.b.getI8Type());
  Value sum = k.splatInteger(8, offset, kTable);
  for (int64_t column = 0; column < kColumns / 2; ++column) {
    SmallVector<int8_t> from;
    for (int64_t byte = 0; byte < kTable; ++byte) {
      int64_t half = byte / kEntries, entry = byte % kEntries;
      from.push_back(entry >> column & 1 ? half * kColumns / 2 + column
                                         : kZero);
    }
    sum = arith::AddIOp::create(
        k.b, sum,
        k.intrinsic("llvm.x86.avx2.pshuf.b", type,
                    {activations, k.constant(DenseElementsAttr::get(
                                      type, ArrayRef<int8_t>(from)))}));
  }
  return sum;
}

void NibbleSums::emitTables(const InputRow &row, const Piece &piece) {
  // What lies behind a group is multiplied with codes of zero, whatever it is. It has
  // to be there, as a few bytes behind the last row are (SignedRows.cpp).
  int64_t pitch = packed::SignedRows::getPitch(plain) * 4;
  SmallVector<int64_t> repeated;
  for (int64_t byte = 0; byte < kTable; ++byte)
    repeated.push_back(byte % kColumns);
  forLines(piece, [&](Index line, Index group, Index column) {
    Index from =
        k.add(k.mul(group, plain.groupSteps * PackedLayout::kColumns), column);
    from = k.add(k.mul(row.block, pitch), k.min(from, pitch));
    Value codes = k.loadVector(rows.getCodes(), from, kColumns);
    codes = vector::ShuffleOp::create(k.b, codes, codes, repeated);
    Index to = k.mul(line, getTableBytes());
    if (!isSplit()) {
      k.storeVector(emitEntries(codes, kOffset), tables, to);
      return;
    }
    Value lower =
        arith::AndIOp::create(k.b, codes, k.splatInteger(8, 15, kTable));
    Value upper =
        arith::ShRSIOp::create(k.b, codes, k.splatInteger(8, 4, kTable));
    k.storeVector(emitEntries(lower, 0), tables, to);
    k.storeVector(emitEntries(upper, kOffset), tables, to + kTable);
  });
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

Value NibbleSums::shuffle(Value table, Value index) {
  return k.intrinsic(layout.line == 64 ? "llvm.x86.avx512.pshuf.b.512"
                                       : "llvm.x86.avx2.pshuf.b",
                     bytes, {table, index});
}

Value NibbleSums::lookUp(Value lower, Value upper, Index table) {
  SmallVector<int64_t> repeated;
  for (int64_t byte = 0; byte < layout.line; ++byte)
    repeated.push_back(byte % kEntries);
  auto find = [&](Value index, Index at) {
    Value few = k.loadVector(tables, at, kEntries);
    return shuffle(vector::ShuffleOp::create(k.b, few, few, repeated), index);
  };
  return arith::AddIOp::create(k.b, find(lower, table),
                               find(upper, table + kEntries));
}

void NibbleSums::addLines(Sums &sums, Index at, int64_t line, int64_t count,
                          int64_t stream, Index table) {
  Value lower, upper;
  auto add = [&](Value &sum, Value found) {
    sum = sum ? arith::AddIOp::create(k.b, sum, found).getResult() : found;
  };
  Value mask = k.splatInteger(32, 0x0f0f0f0f, layout.line / 4);
  for (int64_t i = 0; i < count; ++i) {
    k.keepLoadsInOrder();
    Value codes =
        vector::BitCastOp::create(k.b, dwords, loadLine(at, line + i, stream));
    Value indices[] = {
        codes, arith::ShRUIOp::create(k.b, codes,
                                      k.splatInteger(32, 4, layout.line / 4))};
    for (Value &index : indices)
      index = vector::BitCastOp::create(
          k.b, bytes, arith::AndIOp::create(k.b, index, mask));
    Index tablesOfLine = table + (line + i) * getTableBytes();
    add(lower, lookUp(indices[0], indices[1], tablesOfLine));
    if (isSplit())
      add(upper, lookUp(indices[0], indices[1], tablesOfLine + kTable));
  }
  sums.lower.add(lower);
  if (isSplit())
    sums.upper.add(upper);
}

PanelSums::Values NibbleSums::emitGroup(Index at, Index firstLine) {
  // Unrolled, the sums stay in registers.
  int64_t offset = -2 * kOffset * layout.partLines;
  WordSums signedSums(k, layout.line, offset), unsignedSums(k, layout.line, 0);
  SmallVector<Sums> sums(
      layout.streams, Sums{isSplit() ? unsignedSums : signedSums, signedSums});
  Index table = k.mul(firstLine, getTableBytes());
  for (int64_t line = 0; line < layout.partLines; line += 2)
    for (auto [stream, ofStream] : llvm::enumerate(sums))
      addLines(ofStream, at, line,
               std::min<int64_t>(2, layout.partLines - line), stream, table);
  Values result;
  for (Sums &ofStream : sums) {
    auto lower = ofStream.lower.widen(), upper = ofStream.upper.widen();
    for (auto [l, h] : llvm::zip_equal(lower, upper))
      result.push_back(
          isSplit() ? arith::AddIOp::create(
                          k.b, l,
                          arith::ShLIOp::create(
                              k.b, h, k.splatInteger(32, 4, layout.line / 4)))
                          .getResult()
                    : l);
  }
  return result;
}

Value NibbleSums::finish(const InputRow &row, Index group, Value sum) {
  int64_t lanes = layout.line / 4;
  sum = arith::ShLIOp::create(k.b, sum, k.splatInteger(32, 1, lanes));
  return arith::AddIOp::create(
      k.b, sum, k.broadcast(rows.loadSum(row.block, group), lanes));
}
