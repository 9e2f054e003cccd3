//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads of steps, tables, bits.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/Decode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

Decoder::Decoder(KernelBuilder &k, const PackedLayout &layout, Isa isa,
                 Value packed)
    : k(k), layout(layout), isa(isa), packed(packed),
      words(VectorType::get(lanes(), k.b.getI32Type())),
      reals(VectorType::get(lanes(), k.b.getF32Type())) {
  makeTables();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

Value Decoder::shiftRight(Value dwords, int64_t bits) {
  if (bits == 0)
    return dwords;
  Value count = k.splatInteger(32, std::abs(bits), lanes());
  return bits > 0 ? arith::ShRUIOp::create(k.b, dwords, count).getResult()
                  : arith::ShLIOp::create(k.b, dwords, count).getResult();
}

/// In dwords: what crosses from byte to byte is masked.
Value Decoder::maskBytes(Value dwords, int64_t mask) {
  return arith::AndIOp::create(
      k.b, dwords, k.splatInteger(32, int32_t(mask * 0x01010101u), lanes()));
}

Value Decoder::getLine(Cells &cells, int64_t line) {
  Value &known = cells.lines[line];
  if (!known) {
    Index at = k.add(k.add(cells.part.stream, cells.codes),
                     k.mul(cells.part.row, 4)) +
               line * PackedLayout::kLine;
    known = vector::BitCastOp::create(k.b, words,
                                      k.loadVector(packed, at, 4 * lanes()));
  }
  return known;
}

void Decoder::loadLines(Cells &cells, int64_t first, int64_t count) {
  SmallVector<int64_t> lines;
  for (int64_t step = first; step < first + count; ++step)
    for (auto &piece : layout.getPieces(step % layout.cellSteps))
      lines.push_back(step / layout.cellSteps * layout.cellLines + piece.line);
  llvm::sort(lines);
  for (int64_t line : lines)
    getLine(cells, line);
}

Decoder::Step Decoder::getStep(Cells &cells, int64_t step) {
  int64_t firstLine = step / layout.cellSteps * layout.cellLines;
  auto pieces = layout.getPieces(step % layout.cellSteps);
  if (pieces.size() == 1 && usesTable())
    return {getLine(cells, firstLine + pieces[0].line), pieces[0].bit,
            cells.offset};
  Value dwords;
  for (const PackedLayout::Piece &piece : pieces) {
    Value bits = shiftRight(getLine(cells, firstLine + piece.line),
                            int64_t(piece.bit) - piece.shift);
    if (piece.width < 8)
      bits = maskBytes(bits, ((1 << piece.width) - 1) << piece.shift);
    dwords = dwords ? arith::OrIOp::create(k.b, dwords, bits).getResult() : bits;
  }
  return {dwords, 0, cells.offset};
}

Value Decoder::emitLevels(const Step &step, int64_t column) {
  if (usesTable())
    return lookUp(shiftRight(step.dwords, 8 * column + step.bit));
  return arith::SubFOp::create(k.b, placeByte(step, column), step.offset);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Levels that a permutation finds in this many registers stay there.
static int64_t getMostTables(Isa isa, bool isCodebook) {
  switch (isa) {
  case Isa::Avx512: // 2: one vpermi2ps
    return isCodebook ? 16 : 2;
  case Isa::Avx2:
    return isCodebook ? 4 : 1;
  case Isa::Portable:
    return 0;
  }
  return 0;
}

void Decoder::makeTables() {
  int64_t entries = std::max(lanes(), int64_t(1) << layout.bits);
  int64_t count = entries / lanes();
  if (count > getMostTables(isa, layout.table)) {
    if (layout.table)
      gathered = k.view(packed, k.b.getF32Type(), layout.getTableOffset(),
                        layout.getTableEntries());
    return;
  }
  if (layout.table) {
    Value floats = k.view(packed, k.b.getF32Type(), layout.getTableOffset(),
                          layout.getTableEntries());
    for (int64_t i = 0; i < count; ++i)
      tables.push_back(k.loadVector(floats, i * lanes(), lanes()));
    return;
  }
  if (layout.zeroPoints)
    return;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<float> levels;
    for (int64_t lane = 0; lane < lanes(); ++lane) {
      int64_t code = (i * lanes() + lane) % (int64_t(1) << layout.bits);
      levels.push_back(layout.low + layout.step * code);
    }
    tables.push_back(k.constant(DenseElementsAttr::get(reals, ArrayRef(levels))));
  }
}

/// Of the table that begins with register `table`: one, or a pair with AVX-512.
Value Decoder::permute(Value index, int64_t table) {
  if (isa == Isa::Avx2)
    return k.intrinsic("llvm.x86.avx2.permps", reals, {tables[table], index});
  if (tables.size() == 1)
    return k.intrinsic("llvm.x86.avx512.permvar.sf.512", reals,
                       {tables[table], index});
  return k.intrinsic("llvm.x86.avx512.vpermi2var.ps.512", reals,
                     {tables[table], index, tables[table + 1]});
}

Value Decoder::lookUp(Value index) {
  if (gathered) {
    auto mask = VectorType::get(lanes(), k.b.getI1Type());
    index = arith::AndIOp::create(
        k.b, index, k.splatInteger(32, (1 << layout.bits) - 1, lanes()));
    return vector::GatherOp::create(
        k.b, reals, gathered, ValueRange{k.index(0)}, index,
        k.constant(DenseElementsAttr::get(mask, true)),
        k.splatF32(0.0, lanes()));
  }
  int64_t width = isa == Isa::Avx2 || tables.size() == 1 ? 1 : 2;
  SmallVector<Value> found;
  for (size_t table = 0; table < tables.size(); table += width)
    found.push_back(permute(index, table));
  // A tree of choices, by the bits above those that the permutation reads. A
  // mask is the sign of a shifted index.
  for (int64_t bit = llvm::Log2_64(width * lanes()); found.size() > 1; ++bit) {
    Value isUpper = arith::CmpIOp::create(
        k.b, arith::CmpIPredicate::slt, shiftRight(index, bit - 31),
        k.splatInteger(32, 0, lanes()));
    SmallVector<Value> next;
    for (size_t i = 0; i < found.size(); i += 2)
      next.push_back(
          arith::SelectOp::create(k.b, isUpper, found[i + 1], found[i]));
    found = next;
  }
  return found.front();
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

static constexpr int32_t kExponent = 0x4b000000; // of 2^23

Value Decoder::placeByte(const Step &step, int64_t column) {
  if (isa == Isa::Portable) {
    Value bits = shiftRight(step.dwords, 8 * column);
    bits = arith::AndIOp::create(k.b, bits, k.splatInteger(32, 0xff, lanes()));
    bits = arith::OrIOp::create(k.b, bits,
                                k.splatInteger(32, kExponent, lanes()));
    return vector::BitCastOp::create(k.b, reals, bits);
  }
  // One shuffle of two vectors of bytes, or a shuffle and an or.
  auto bytes = VectorType::get(4 * lanes(), k.b.getI8Type());
  SmallVector<int64_t> from;
  for (int64_t lane = 0; lane < lanes(); ++lane)
    for (int64_t byte = 0; byte < 4; ++byte)
      from.push_back(byte == 0 ? 4 * lane + column
                               : 4 * lanes() + 4 * lane + byte);
  Value exponents = vector::BitCastOp::create(
      k.b, bytes, k.splatInteger(32, kExponent, lanes()));
  Value codes = vector::BitCastOp::create(k.b, bytes, step.dwords);
  return vector::BitCastOp::create(
      k.b, reals, vector::ShuffleOp::create(k.b, codes, exponents, from));
}

Value Decoder::getOffset(Value zeroPoints) {
  if (usesTable())
    return {};
  if (!zeroPoints)
    return k.splatF32(0x1p23 - layout.low, lanes());
  return arith::AddFOp::create(
      k.b, arith::SIToFPOp::create(k.b, reals, zeroPoints),
      k.splatF32(0x1p23, lanes()));
}
