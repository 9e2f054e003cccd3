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
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

Decoder::Decoder(KernelBuilder &k, const PackedLayout &layout, Isa isa,
                 Value packed)
    : k(k), layout(layout), isa(isa), packed(packed),
      words(VectorType::get(lanes(), k.b.getI32Type())),
      reals(VectorType::get(lanes(), k.b.getF32Type())),
      shorts(VectorType::get(2 * lanes(), k.b.getI16Type())) {
  makeTables();
}

FloatType Decoder::getType() const {
  return isPaired() ? FloatType(k.b.getBF16Type()) : k.b.getF32Type();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

Value Decoder::shiftRight(Value lanes, int64_t bits) {
  if (bits == 0)
    return lanes;
  auto type = cast<VectorType>(lanes.getType());
  Value count = k.splatInteger(type.getElementTypeBitWidth(), std::abs(bits),
                               type.getNumElements());
  return bits > 0 ? arith::ShRUIOp::create(k.b, lanes, count).getResult()
                  : arith::ShLIOp::create(k.b, lanes, count).getResult();
}

/// Bytes 0, 2, 1, 3 of each lane.
static Value swapMiddleBytes(KernelBuilder &k, Value bytes) {
  SmallVector<int64_t> from;
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  for (int64_t lane = 0; lane < count; lane += 4)
    llvm::append_values(from, lane, lane + 2, lane + 1, lane + 3);
  return vector::ShuffleOp::create(k.b, bytes, bytes, from);
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
    Value bytes = k.loadVector(packed, at, 4 * lanes());
    if (isPaired() && usesTable())
      bytes = swapMiddleBytes(k, bytes);
    known = vector::BitCastOp::create(k.b, words, bytes);
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
  if (pieces.size() == 1 && usesTable() && !layout.zeroPoints)
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
  if (usesTable() && layout.zeroPoints)
    dwords = arith::AddIOp::create(k.b, dwords, cells.offset);
  return {dwords, 0, cells.offset};
}

Value Decoder::emitLevels(const Step &step, int64_t column) {
  if (!isPaired())
    return usesTable() ? lookUp(shiftRight(step.dwords, 8 * column + step.bit))
                       : emitColumn(step, column);
  auto pairs = VectorType::get(elements(), getType());
  Value bits;
  if (usesTable()) {
    Value codes = vector::BitCastOp::create(k.b, shorts, step.dwords);
    bits = lookUp(shiftRight(codes, 4 * column + step.bit));
  } else {
    auto asWords = [&](Value reals) {
      return vector::BitCastOp::create(k.b, words, reals);
    };
    Value lower = shiftRight(asWords(emitColumn(step, column)), 16);
    bits = arith::OrIOp::create(k.b, asWords(emitColumn(step, column + 1)),
                                lower);
  }
  return vector::BitCastOp::create(k.b, pairs, bits);
}

Value Decoder::emitColumn(const Step &step, int64_t column) {
  return arith::SubFOp::create(k.b, placeByte(step, column), step.offset);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Registers of levels that a permutation, or a few, find.
static int64_t getMostTables(Isa isa, bool isCodebook) {
  switch (isa) {
  case Isa::Avx512: // 2: one vpermi2ps
    return isCodebook ? 16 : 2;
  case Isa::Bf16: // one vpermi2w
    return 2;
  case Isa::Avx2:
    return isCodebook ? 4 : 1;
  case Isa::Portable:
    return 0;
  }
  return 0;
}

void Decoder::makeTables() {
  int64_t entries = int64_t(1) << (layout.bits + layout.zeroPoints);
  int64_t count = std::max<int64_t>(1, entries / elements());
  bool fits = count <= getMostTables(isa, layout.table);
  if (!layout.table) {
    fits &= isPaired() || !layout.zeroPoints;
    for (int64_t i = 0; fits && i < count; ++i)
      tables.push_back(makeTable(i * elements()));
    return;
  }
  Value levels = k.view(packed, k.b.getF32Type(), layout.getTableOffset(),
                        layout.getTableEntries());
  for (int64_t i = 0; fits && i < count; ++i)
    tables.push_back(loadTable(levels, i * elements()));
  if (!fits)
    gathered = levels;
}

/// Constants: the levels of codes, beginning again behind the last one, or, with
/// zero points, the differences from the largest code.
Value Decoder::makeTable(int64_t firstCode) {
  int64_t codes = int64_t(1) << layout.bits;
  SmallVector<float> levels;
  SmallVector<int16_t> upperHalves;
  for (int64_t i = 0; i < elements(); ++i) {
    int64_t code = firstCode + i;
    levels.push_back(layout.zeroPoints
                         ? code - (codes - 1)
                         : layout.low + layout.step * (code % codes));
    upperHalves.push_back(llvm::bit_cast<uint32_t>(levels.back()) >> 16);
  }
  return k.constant(isPaired()
                        ? DenseElementsAttr::get(shorts, ArrayRef(upperHalves))
                        : DenseElementsAttr::get(reals, ArrayRef(levels)));
}

/// Of the table that the packed weight has; see makeTable.
Value Decoder::loadTable(Value levels, int64_t firstCode) {
  auto load = [&](int64_t code) {
    return k.loadVector(levels, code % layout.getTableEntries(), lanes());
  };
  if (!isPaired())
    return load(firstCode);
  SmallVector<int64_t> inOrder = llvm::to_vector(llvm::seq(elements()));
  Value halves = vector::ShuffleOp::create(
      k.b, k.narrow(load(firstCode), getType()),
      k.narrow(load(firstCode + lanes()), getType()), inOrder);
  return vector::BitCastOp::create(k.b, shorts, halves);
}

/// Of the table that begins with register `table`: one, or a pair with AVX-512.
Value Decoder::permute(Value index, int64_t table) {
  if (isa == Isa::Avx2)
    return k.intrinsic("llvm.x86.avx2.permps", reals, {tables[table], index});
  if (tables.size() == 1)
    return isPaired() ? k.intrinsic("llvm.x86.avx512.permvar.hi.512", shorts,
                                    {tables[table], index})
                      : k.intrinsic("llvm.x86.avx512.permvar.sf.512", reals,
                                    {tables[table], index});
  return isPaired()
             ? k.intrinsic("llvm.x86.avx512.vpermi2var.hi.512", shorts,
                           {tables[table], index, tables[table + 1]})
             : k.intrinsic("llvm.x86.avx512.vpermi2var.ps.512", reals,
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
  if (usesTable() && zeroPoints) {
    // Of each byte.
    Value most = k.splatInteger(32, (1 << layout.bits) - 1, lanes());
    return arith::MulIOp::create(
        k.b, arith::SubIOp::create(k.b, most, zeroPoints),
        k.splatInteger(32, 0x01010101, lanes()));
  }
  if (usesTable())
    return {};
  if (!zeroPoints)
    return k.splatF32(0x1p23 - layout.low, lanes());
  return arith::AddFOp::create(
      k.b, arith::SIToFPOp::create(k.b, reals, zeroPoints),
      k.splatF32(0x1p23, lanes()));
}
