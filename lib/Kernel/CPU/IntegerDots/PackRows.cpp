//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows become columns of codes. They are transposed first, so that the largest
// magnitude of a row is a maximum from vector to vector.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/IntegerDots/IntegerDots.h"

#include "mpq/Kernel/Elements.h"
#include "mpq/Kernel/SymmetricQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::integer;

/// Stores the rows as [depth][lanes], zeros up to a step, and returns their
/// largest magnitudes.
static Value transposeRows(KernelBuilder &k, Value buffer,
                           ArrayRef<Index> starts, Index depth, Value strip) {
  int64_t lanes = starts.size();
  return k.forEachVector(
      depth, kStep, k.splatF32(0.0, lanes),
      [&](Index d, Index count, ValueRange in) {
        auto columns = transposeStrip(k, lanes, [&](int64_t row) {
          return k.loadPartial(buffer, k.add(starts[row], d), kStep, count);
        });
        Value largest = in[0];
        for (int64_t i = 0; i < kStep; ++i) {
          k.storeVector(columns[i], strip, k.mul(d + i, lanes));
          largest = includeMagnitude(k, columns[i], largest);
        }
        return SmallVector<Value>{largest};
      })[0];
}

void integer::packRows(KernelBuilder &k, Value buffer, ArrayRef<Index> starts,
                       Index depth, double factor, const PackedRows &to,
                       Index column, Value strip) {
  int64_t lanes = starts.size();
  Value largest = transposeRows(k, buffer, starts, depth, strip);
  SymmetricScale scale(k, largest, kSignedLevels);
  Value scaled = factor == 1.0
                     ? scale.scale
                     : k.mulf(scale.scale, k.splatF32(factor, lanes));
  k.storeVector(scaled, to.scales, column);
  auto pack = [&](Index step, ValueRange in) {
    Value sum = in[0];
    SmallVector<Value, kStep> codes;
    for (int64_t i = 0; i < kStep; ++i) {
      Value x = k.loadVector(strip, k.mul(k.mul(step, kStep) + i, lanes), lanes);
      codes.push_back(roundToInteger(k, k.mulf(x, scale.inverse)));
      sum = arith::AddIOp::create(k.b, sum, codes[i]);
    }
    Value packed = packCodes(k, codes, /*isSigned=*/true);
    if (to.isBiased)
      packed = arith::XOrIOp::create(
          k.b, packed, k.splatInteger(32, int32_t(0x80808080), lanes));
    k.storeVector(packed, to.codes, k.add(k.mul(step, to.pitch), column));
    return SmallVector<Value>{sum};
  };
  Index steps = k.floorDiv(depth + (kStep - 1), kStep);
  Value sum =
      k.forLoop(0, steps, 1, k.splatInteger(32, 0, lanes), pack)[0];
  if (to.sums)
    k.storeVector(
        arith::MulIOp::create(k.b, sum, k.splatInteger(32, -128, lanes)),
        to.sums, column);
}
