//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables, lookups, carries.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulTernary/ByteSums.h"

#include "lib/Kernel/CPU/Packed/Hide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;
using namespace mpq::ternary;

/// Lines whose upper bytes may be added as bytes: 13 each.
static constexpr int64_t kMostUppers = 18;
/// Columns of codes that are loaded for a table.
static constexpr int64_t kLoaded = 8;

ByteSums::ByteSums(KernelBuilder &k, const ByteLayout &layout, Value packed,
                   const PackedLayout &plain, packed::SignedRows &rows,
                   unsigned bits)
    : IntegerSums(k, layout, packed, plain, rows, bits, kEntries),
      words(VectorType::get(kLine / 2, k.b.getI16Type())) {
  mostLower = packed::hide(k, k.splatInteger(8, isSplit() ? 127 : 128, kLine));
  mostUpper = packed::hide(k, k.splatInteger(8, 15, kLine));
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// With x = a + 128 for the unsigned operand and digits for the signed one,
/// vpmaddubsw gives two of the terms of
///
///     sum d_i a_i = sum d_i x_i - 128 sum d_i
///
/// at a time, of which the last one is a sixth: 128 times minus the sum of digits.
Value ByteSums::emitEntries(Value activations, int64_t first) {
  Value sum = k.splatInteger(16, getOffset(), kLine / 2);
  for (int64_t pair = 0; pair <= kDigits; pair += 2) {
    SmallVector<int64_t> from;
    SmallVector<int8_t> factors;
    for (int64_t entry = first; entry < first + kLine / 2; ++entry) {
      int8_t digits[kDigits + 1] = {};
      for (int64_t i = 0; i < kDigits && entry <= TernaryByte::kZeros; ++i) {
        digits[i] = TernaryByte::getDigit(entry, /*isMirrored=*/false, i) - 1;
        digits[kDigits] -= digits[i];
      }
      from.append({pair, pair + 1});
      factors.append({digits[pair], digits[pair + 1]});
    }
    Value factor =
        k.constant(DenseElementsAttr::get(bytes, ArrayRef<int8_t>(factors)));
    Value x = vector::ShuffleOp::create(k.b, activations, activations, from);
    sum = arith::AddIOp::create(
        k.b, sum,
        k.intrinsic("llvm.x86.avx512.pmaddubs.w.512", words, {x, factor}));
  }
  return sum;
}

void ByteSums::emitTables(const InputRow &row, const Piece &piece) {
  auto halfBytes = VectorType::get(kLine / 2, k.b.getI8Type());
  // What lies behind a group is multiplied with levels of zero, whatever it is. It
  // has to be there, as a few bytes behind the last row are (SignedRows.cpp).
  int64_t pitch = packed::SignedRows::getPitch(plain) * 4;
  forLines(piece, [&](Index line, Index group, Index column) {
    Index from =
        k.add(k.mul(group, plain.groupSteps * PackedLayout::kColumns), column);
    from = k.add(k.mul(row.block, pitch), k.min(from, pitch));
    Value codes = k.loadVector(rows.getCodes(), from, kLoaded);
    codes = arith::XOrIOp::create(k.b, codes, k.splatInteger(8, 128, kLoaded));
    // The sixth is 128.
    SmallVector<int64_t> order = {0, 1, 2, 3, 4, kLoaded, 6, 7};
    codes = vector::ShuffleOp::create(k.b, codes,
                                      k.splatInteger(8, 128, kLoaded), order);
    Index to = k.mul(line, getTableBytes());
    for (int64_t first = 0; first < kEntries; first += kLine / 2) {
      Value lower = emitEntries(codes, first);
      if (isSplit()) {
        // 516 / 2^16 is a little less than 1 / 127: l may be 127.
        Value upper = k.intrinsic("llvm.x86.avx512.pmulhu.w.512", words,
                                  {lower, k.splatInteger(16, 516, kLine / 2)});
        lower = arith::SubIOp::create(
            k.b, lower,
            arith::MulIOp::create(k.b, upper,
                                  k.splatInteger(16, 127, kLine / 2)));
        k.storeVector(arith::TruncIOp::create(k.b, halfBytes, upper), tables,
                      to + kEntries + first);
      }
      k.storeVector(arith::TruncIOp::create(k.b, halfBytes, lower), tables,
                    to + first);
    }
  });
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

Value ByteSums::lookUp(Value index, Index table) {
  return k.intrinsic("llvm.x86.avx512.vpermi2var.qi.512", bytes,
                     {k.loadVector(tables, table, kLine), index,
                      k.loadVector(tables, table + kLine, kLine)});
}

Value ByteSums::turnOver(Value found, Value mirrored, Value most) {
  Value opposite = arith::SubIOp::create(k.b, most, found);
  return arith::SelectOp::create(k.b, mirrored, opposite, found);
}

/// In this order: sums that wait for others take registers.
Value ByteSums::add(Value a, Value b) {
  return packed::hide(k, arith::AddIOp::create(k.b, a, b));
}

void ByteSums::addLine(Sums &sums, Value line, Index table) {
  Value mirrored = isMirrored(k, line);
  Value lower = turnOver(lookUp(line, table), mirrored, mostLower);
  if (isSplit()) {
    Value upper = turnOver(lookUp(line, table + kEntries), mirrored, mostUpper);
    sums.upper = sums.upper ? add(sums.upper, upper) : upper;
  }
  if (!sums.lower) {
    sums.lower = lower;
    return;
  }
  sums.lower = add(sums.lower, lower);
  addLower(sums);
}

void ByteSums::addLower(Sums &sums) {
  if (sums.lower)
    sums.words.add(sums.lower);
  sums.lower = {};
}

void ByteSums::addUpper(Sums &sums) {
  if (sums.upper)
    sums.words.add(sums.upper, 127);
  sums.upper = {};
}

PanelSums::Values ByteSums::emitGroup(Index at, Index firstLine) {
  int64_t offset = -getOffset() * layout.partLines;
  SmallVector<Sums> sums(kStreams, Sums{WordSums(k, kLine, offset), {}, {}});
  Index table = k.mul(firstLine, getTableBytes());
  for (int64_t line = 0; line < layout.partLines; ++line) {
    // The hardware follows a stream that is read in order.
    k.keepLoadsInOrder();
    for (auto [stream, ofStream] : llvm::enumerate(sums)) {
      addLine(ofStream, loadLine(at, line, stream),
              table + line * getTableBytes());
      if ((line + 1) % kMostUppers == 0)
        addUpper(ofStream);
    }
  }
  Values result;
  for (Sums &ofStream : sums) {
    addLower(ofStream);
    addUpper(ofStream);
    llvm::append_range(result, ofStream.words.widen());
  }
  return result;
}
