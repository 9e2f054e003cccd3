//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Transposing 16 x 16 words held in 16 registers takes four stages of 16
// shuffles, and most CPUs do one shuffle per cycle. But the data comes from
// memory, and a load can put four words into any quarter of a register for
// nearly nothing. So the first two stages are loads. To transpose a strip of
// R rows and 4 columns (R = 8 here, letters are rows):
//
//     register s, quarter q  <-  row 4q + s
//
//       X0 = a0 a1 a2 a3 | e0 e1 e2 e3
//       X1 = b0 b1 b2 b3 | f0 f1 f2 f3        the four-by-four blocks that are
//       X2 = c0 c1 c2 c3 | g0 g1 g2 g3        left lie within quarters: two
//       X3 = d0 d1 d2 d3 | h0 h1 h2 h3        stages of four cheap shuffles
//
//       Y0 = a0 b0 c0 d0 | e0 f0 g0 h0        = column 0, and so on
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;

static int64_t getLanes(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

Value mpq::concatenate(KernelBuilder &k, ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts[0];
  size_t half = parts.size() / 2;
  Value low = concatenate(k, parts.take_front(half)),
        high = concatenate(k, parts.drop_front(half));
  return vector::ShuffleOp::create(
      k.b, low, high,
      llvm::to_vector(llvm::seq<int64_t>(0, 2 * getLanes(low))));
}

/// Of each quarter (four lanes) the lanes in `pick`, of `x` (0 to 3) and of
/// `y` (4 to 7).
static Value shuffleQuarters(KernelBuilder &k, Value x, Value y,
                             std::array<int64_t, 4> pick) {
  int64_t lanes = getLanes(x);
  SmallVector<int64_t> mask;
  for (int64_t quarter = 0; quarter < lanes; quarter += 4)
    for (int64_t lane : pick)
      mask.push_back(lane < 4 ? quarter + lane : lanes + quarter + lane - 4);
  return vector::ShuffleOp::create(k.b, x, y, mask);
}

std::array<Value, 4> mpq::transposeStrip(KernelBuilder &k, int64_t rows,
                                         function_ref<Value(int64_t)> load,
                                         function_ref<Value(Value)> open) {
  std::array<Value, 4> x;
  for (int64_t s = 0; s < 4; ++s) {
    SmallVector<Value> quarters;
    for (int64_t row = s; row < rows; row += 4)
      quarters.push_back(load(row));
    x[s] = concatenate(k, quarters);
    if (open)
      x[s] = open(x[s]);
  }
  // a0 b0 a1 b1, a2 b2 a3 b3, then the same of c and d, then pairs.
  Value ab = shuffleQuarters(k, x[0], x[1], {0, 4, 1, 5}),
        abHigh = shuffleQuarters(k, x[0], x[1], {2, 6, 3, 7});
  Value cd = shuffleQuarters(k, x[2], x[3], {0, 4, 1, 5}),
        cdHigh = shuffleQuarters(k, x[2], x[3], {2, 6, 3, 7});
  return {shuffleQuarters(k, ab, cd, {0, 1, 4, 5}),
          shuffleQuarters(k, ab, cd, {2, 3, 6, 7}),
          shuffleQuarters(k, abHigh, cdHigh, {0, 1, 4, 5}),
          shuffleQuarters(k, abHigh, cdHigh, {2, 3, 6, 7})};
}
