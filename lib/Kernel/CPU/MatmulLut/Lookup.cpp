//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables, lines, levels.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLut/Lookup.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lut;

static constexpr int64_t kLanes = LutLayout::kLanes, kLine = LutLayout::kLine;

Isa Lookup::getIsa(const KernelTarget &target) {
  if (target.avx512f && target.avx512bw && target.vectorBits >= 512)
    return Isa::Avx512;
  return target.avx2 ? Isa::Avx2 : Isa::Portable;
}

bool Lookup::hasPlanes(const KernelTarget &target) {
  return getIsa(target) == Isa::Avx512 && target.avx512vbmi;
}

Lookup::Lookup(KernelBuilder &k, const LutLayout &layout, Value packed,
               int64_t tables)
    : k(k), layout(layout), isa(getIsa(k.target)), packed(packed),
      factors(k, packed, kLanes, isa != Isa::Portable),
      reals(VectorType::get(kLanes, k.b.getF32Type())),
      dwords(VectorType::get(kLanes, k.b.getI32Type())),
      bytes(VectorType::get(kLine, k.b.getI8Type())) {
  if (layout.hasBytes() ? !layout.planes : isa == Isa::Portable)
    memory = k.stackBuffer(k.b.getF32Type(), tables * layout.tableEntries());
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Value Lookup::loadLevels(Index at, int64_t first) {
  return factors.loadReals({at, 0}, first * layout.valueBytes,
                           layout.valueBytes);
}

Lookup::Table Lookup::load(Index at, int64_t number) {
  Table table;
  if (layout.planes) {
    for (int64_t byte = 0; byte < layout.tableBytes(); byte += kLine)
      table.registers.push_back(k.loadVector(packed, at + byte, kLine));
    return table;
  }
  if (!memory) {
    table.registers = {loadLevels(at, 0)};
    return table;
  }
  table.memory = number * layout.tableEntries();
  for (int64_t i = 0; i < layout.tableEntries(); i += kLanes)
    k.storeVector(loadLevels(at, i), memory, table.memory + i);
  return table;
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

Lookup::Line Lookup::read(Index at, const Table &table) {
  Line line;
  Value codes = k.loadVector(packed, at, kLine);
  if (!layout.hasBytes()) {
    line.dwords = vector::BitCastOp::create(k.b, dwords, codes);
    return line;
  }
  if (!layout.planes) {
    for (int64_t slot = 0; slot < layout.slots; ++slot) {
      Value some = vector::ExtractStridedSliceOp::create(
          k.b, codes, slot * kLanes, kLanes, 1);
      line.levels.push_back(
          gather(arith::ExtUIOp::create(k.b, dwords, some), table));
    }
    return line;
  }
  Values planes;
  size_t each = table.registers.size() / layout.valueBytes;
  for (int64_t plane = 0; plane < layout.valueBytes; ++plane)
    planes.push_back(lookUpBytes(
        codes, ArrayRef(table.registers).slice(plane * each, each)));
  line.levels = interleave(planes);
  return line;
}

Value Lookup::getLevels(const Line &line, const Table &table, int64_t slot) {
  if (!line.levels.empty())
    return line.levels[slot];
  Value index = line.dwords;
  if (slot)
    index = arith::ShRUIOp::create(
        k.b, index, k.splatInteger(32, slot * layout.bits, kLanes));
  if (isa == Isa::Avx512)
    return k.intrinsic("llvm.x86.avx512.permvar.sf.512", reals,
                       {table.registers[0], index});
  if (isa == Isa::Avx2)
    return permuteHalves(index, table);
  index = arith::AndIOp::create(
      k.b, index, k.splatInteger(32, (1 << layout.bits) - 1, kLanes));
  return gather(index, table);
}

Value Lookup::gather(Value index, const Table &table) {
  Value all = k.constant(
      DenseElementsAttr::get(VectorType::get(kLanes, k.b.getI1Type()), true));
  return vector::GatherOp::create(k.b, reals, memory,
                                  ValueRange{k.value(table.memory)}, index, all,
                                  k.splatF32(0.0, kLanes));
}

/// 8 lanes at a time, from both halves of a table of 16. Tables of 8 repeat.
Value Lookup::permuteHalves(Value index, const Table &table) {
  constexpr int64_t kHalf = kLanes / 2;
  auto half = VectorType::get(kHalf, k.b.getF32Type());
  auto slice = [&](Value vector, int64_t first) -> Value {
    return vector::ExtractStridedSliceOp::create(k.b, vector, first, kHalf, 1);
  };
  Value found[2];
  for (int64_t i : {0, 1}) {
    Value some = slice(index, i * kHalf);
    auto permute = [&](int64_t first) {
      return k.intrinsic("llvm.x86.avx2.permps", half,
                         {slice(table.registers[0], first), some});
    };
    found[i] = permute(0);
    if (layout.bits < 4)
      continue;
    // The mask of a blend is a sign.
    Value sign =
        arith::ShLIOp::create(k.b, some, k.splatInteger(32, 28, kHalf));
    Value isUpper = arith::CmpIOp::create(k.b, arith::CmpIPredicate::slt, sign,
                                          k.splatInteger(32, 0, kHalf));
    found[i] = arith::SelectOp::create(k.b, isUpper, permute(kHalf), found[i]);
  }
  return vector::ShuffleOp::create(
      k.b, found[0], found[1], llvm::to_vector(llvm::seq<int64_t>(0, kLanes)));
}

//===----------------------------------------------------------------------===//
// Bytes of levels
//===----------------------------------------------------------------------===//

/// In tables of 64, 128 or 256 bytes.
Value Lookup::lookUpBytes(Value codes, ValueRange table) {
  if (table.size() == 1)
    return k.intrinsic("llvm.x86.avx512.permvar.qi.512", bytes,
                       {table[0], codes});
  auto half = [&](int64_t first) {
    return k.intrinsic("llvm.x86.avx512.vpermi2var.qi.512", bytes,
                       {table[first], codes, table[first + 1]});
  };
  if (table.size() == 2)
    return half(0);
  Value isUpper = arith::CmpIOp::create(k.b, arith::CmpIPredicate::slt, codes,
                                        k.splatInteger(8, 0, kLine));
  return arith::SelectOp::create(k.b, isUpper, half(2), half(0));
}

/// The elements of `a` and `b` in turns, of the lower or upper halves of each
/// 16 bytes: vpunpckl, vpunpckh.
static Value unpack(KernelBuilder &k, Value a, Value b, bool upper) {
  auto type = cast<VectorType>(a.getType());
  int64_t count = type.getNumElements(),
          each = 128 / type.getElementTypeBitWidth();
  SmallVector<int64_t> from;
  for (int64_t first = 0; first < count; first += each)
    for (int64_t i = 0; i < each / 2; ++i)
      llvm::append_values(from, first + i + upper * each / 2,
                          count + first + i + upper * each / 2);
  return vector::ShuffleOp::create(k.b, a, b, from);
}

Lookup::Values Lookup::interleave(ArrayRef<Value> planes) {
  auto words = VectorType::get(kLine / 2, k.b.getI16Type());
  auto asWords = [&](Value a, Value b, bool upper) -> Value {
    return vector::BitCastOp::create(k.b, words, unpack(k, a, b, upper));
  };
  Values levels;
  if (planes.size() == 2) {
    auto halves = VectorType::get(kLine / 2, k.b.getF16Type());
    for (int64_t slot = 0; slot < layout.slots; ++slot) {
      Value some = vector::BitCastOp::create(
          k.b, halves, asWords(planes[0], planes[1], slot % 2));
      some = vector::ExtractStridedSliceOp::create(k.b, some, slot / 2 * kLanes,
                                                   kLanes, 1);
      levels.push_back(
          arith::ExtFOp::create(k.b, reals, some, arith::FastMathFlagsAttr()));
    }
    return levels;
  }
  for (bool upper : {false, true}) {
    Value lower = asWords(planes[0], planes[1], upper),
          higher = asWords(planes[2], planes[3], upper);
    for (bool last : {false, true})
      levels.push_back(vector::BitCastOp::create(
          k.b, reals, unpack(k, lower, higher, last)));
  }
  return levels;
}
