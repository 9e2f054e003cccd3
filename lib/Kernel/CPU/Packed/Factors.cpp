//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads and conversions.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/Factors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

SmallVector<StreamPart> packed::getStreamParts(KernelBuilder &k,
                                               const PackedLayout &layout,
                                               int64_t lanes, Index first,
                                               int64_t vectors) {
  int64_t perStream = PackedLayout::kRows / lanes;
  SmallVector<StreamPart> parts;
  for (int64_t v = 0; v < vectors; ++v) {
    StreamPart part;
    if (vectors % perStream == 0 && !first.isConstant()) { // begins with a stream
      part.stream = k.add(k.floorDiv(first, perStream), v / perStream);
      part.row = v % perStream * lanes;
    } else {
      part.stream = k.floorDiv(first + v, perStream);
      part.row = k.mul(k.mod(first + v, perStream), lanes);
    }
    part.stream =
        k.mul(part.stream, layout.streamBytes()) + layout.getHeadBytes();
    parts.push_back(part);
  }
  return parts;
}

Value StreamFactors::loadReals(const StreamPart &part, Index offset,
                               int64_t bytes) {
  Index at = k.add(k.add(part.stream, offset), k.mul(part.row, bytes));
  Value raw = k.loadVector(packed, at, lanes * bytes);
  auto reals = VectorType::get(lanes, k.b.getF32Type());
  if (bytes == 4)
    return vector::BitCastOp::create(k.b, reals, raw);
  if (convertsHalves) {
    auto halves = VectorType::get(lanes, k.b.getF16Type());
    raw = vector::BitCastOp::create(k.b, halves, raw);
    return arith::ExtFOp::create(k.b, reals, raw, arith::FastMathFlagsAttr());
  }
  // Not every target converts halves. Their bits in the place of an f32's are
  // the number, denormal or not, times 2^-112.
  auto shorts = VectorType::get(lanes, k.b.getI16Type());
  auto words = VectorType::get(lanes, k.b.getI32Type());
  Value bits = arith::ExtUIOp::create(
      k.b, words, vector::BitCastOp::create(k.b, shorts, raw));
  auto splat = [&](int64_t value) { return k.splatInteger(32, value, lanes); };
  Value sign = arith::ShLIOp::create(
      k.b, arith::AndIOp::create(k.b, bits, splat(0x8000)), splat(16));
  Value magnitude = arith::ShLIOp::create(
      k.b, arith::AndIOp::create(k.b, bits, splat(0x7fff)), splat(13));
  magnitude = k.mulf(vector::BitCastOp::create(k.b, reals, magnitude),
                     k.splatF32(0x1p112, lanes));
  magnitude = vector::BitCastOp::create(k.b, words, magnitude);
  return vector::BitCastOp::create(k.b, reals,
                                   arith::OrIOp::create(k.b, magnitude, sign));
}

Value StreamFactors::loadIntegers(const StreamPart &part, Index offset,
                                  int64_t bytes) {
  Index at = k.add(k.add(part.stream, offset), k.mul(part.row, bytes));
  Value raw = k.loadVector(packed, at, lanes * bytes);
  auto words = VectorType::get(lanes, k.b.getI32Type());
  if (bytes == 4)
    return vector::BitCastOp::create(k.b, words, raw);
  return arith::ExtUIOp::create(k.b, words, raw);
}
