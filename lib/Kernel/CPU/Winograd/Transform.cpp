//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The matrices, for the points 0, 1, -1, 2, -2 and infinity:
//
//         4  0 -5  0  1  0          1  1  1  1  1  0           1/4     0    0
//         0 -4 -4  1  1  0          0  1 -1  2 -2  0          -1/6  -1/6 -1/6
//   B^T = 0  4 -4 -1  1  0    A^T = 0  1  1  4  4  0    G =   -1/6   1/6 -1/6
//         0 -2 -1  2  1  0          0  1 -1  8 -8  1          1/24  1/12  1/6
//         0  2 -1 -2  1  0                                    1/24 -1/12  1/6
//         0  4  0 -5  0  1                                       0     0    1
//
//===----------------------------------------------------------------------===//

#include "Transform.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::winograd;

static Value sub(KernelBuilder &k, Value a, Value b) {
  return arith::SubFOp::create(k.b, a, b);
}

/// `factor * a + b`.
static Value addScaled(KernelBuilder &k, double factor, Value a, Value b) {
  int64_t lanes = cast<VectorType>(a.getType()).getNumElements();
  return k.fma(a, k.splatF32(factor, lanes), b);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Rows of B^T that have common terms, and the elements that they need.
static constexpr struct {
  int64_t first, count;
  std::array<bool, kWindow> needs;
} kRowGroups[] = {{0, 1, {true, false, true, false, true, false}},
                  {1, 2, {false, true, true, true, true, false}},
                  {3, 2, {false, true, true, true, true, false}},
                  {5, 1, {false, true, false, true, false, true}}};

/// The rows of B^T d of group `group`.
static SmallVector<Value> multiplyRows(KernelBuilder &k, int64_t group,
                                       ArrayRef<Value> d) {
  switch (group) {
  case 0:
    return {addScaled(k, 4, d[0], addScaled(k, -5, d[2], d[4]))};
  case 1: {
    Value even = addScaled(k, -4, d[2], d[4]);
    Value odd = addScaled(k, -4, d[1], d[3]);
    return {k.addf(even, odd), sub(k, even, odd)};
  }
  case 2: {
    Value even = sub(k, d[4], d[2]), odd = sub(k, d[3], d[1]);
    return {addScaled(k, 2, odd, even), addScaled(k, -2, odd, even)};
  }
  default:
    return {addScaled(k, 4, d[1], addScaled(k, -5, d[3], d[5]))};
  }
}

void winograd::emitInputTransform(
    KernelBuilder &k, function_ref<Value(int64_t, int64_t)> load,
    function_ref<void(int64_t, int64_t, Value)> store) {
  for (auto [index, group] : llvm::enumerate(kRowGroups)) {
    k.keepLoadsInOrder();
    SmallVector<std::array<Value, kWindow>> rows(group.count);
    for (int64_t j = 0; j < kWindow; ++j) {
      std::array<Value, kWindow> column;
      for (int64_t i = 0; i < kWindow; ++i)
        if (group.needs[i])
          column[i] = load(i, j);
      SmallVector<Value> values = multiplyRows(k, index, column);
      for (int64_t i = 0; i < group.count; ++i)
        rows[i][j] = values[i];
    }
    for (int64_t i = 0; i < group.count; ++i) {
      int64_t j = 0;
      for (int64_t right = 0; right < int64_t(std::size(kRowGroups)); ++right)
        for (Value value : multiplyRows(k, right, rows[i]))
          store(group.first + i, j++, value);
    }
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// A^T m.
static std::array<Value, kTile> reduce(KernelBuilder &k, ArrayRef<Value> m) {
  Value sum1 = k.addf(m[1], m[2]), difference1 = sub(k, m[1], m[2]);
  Value sum2 = k.addf(m[3], m[4]), difference2 = sub(k, m[3], m[4]);
  return {k.addf(k.addf(m[0], sum1), sum2),
          addScaled(k, 2, difference2, difference1), addScaled(k, 4, sum2, sum1),
          k.addf(addScaled(k, 8, difference2, difference1), m[5])};
}

SmallVector<Value>
winograd::emitOutputTransform(KernelBuilder &k,
                              function_ref<Value(int64_t, int64_t)> load) {
  std::array<std::array<Value, kTile>, kWindow> columns;
  for (int64_t j = 0; j < kWindow; ++j) {
    std::array<Value, kWindow> m;
    for (int64_t i = 0; i < kWindow; ++i)
      m[i] = load(i, j);
    columns[j] = reduce(k, m);
  }
  SmallVector<Value> results;
  for (int64_t i = 0; i < kTile; ++i) {
    std::array<Value, kWindow> row;
    for (int64_t j = 0; j < kWindow; ++j)
      row[j] = columns[j][i];
    llvm::append_range(results, reduce(k, row));
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

static constexpr double kG[kWindow][3] = {
    {1. / 4, 0, 0},           {-1. / 6, -1. / 6, -1. / 6},
    {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6},
    {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}};

/// G w for three f64.
static std::array<Value, kWindow> expand(KernelBuilder &k, ArrayRef<Value> w) {
  std::array<Value, kWindow> result;
  for (int64_t i = 0; i < kWindow; ++i)
    for (int64_t j = 0; j < 3; ++j) {
      if (kG[i][j] == 0)
        continue;
      Value factor = k.constant(k.b.getF64FloatAttr(kG[i][j]));
      Value term = arith::MulFOp::create(k.b, factor, w[j]);
      result[i] = result[i] ? k.addf(result[i], term) : term;
    }
  return result;
}

SmallVector<Value> winograd::emitWeightTransform(KernelBuilder &k,
                                                 ArrayRef<Value> w) {
  Type f64 = k.b.getF64Type(), f32 = k.b.getF32Type();
  std::array<std::array<Value, kWindow>, 3> columns;
  for (int64_t j = 0; j < 3; ++j) {
    std::array<Value, 3> column;
    for (int64_t i = 0; i < 3; ++i)
      column[i] = arith::ExtFOp::create(k.b, f64, w[i * 3 + j]);
    columns[j] = expand(k, column);
  }
  SmallVector<Value> results;
  for (int64_t i = 0; i < kWindow; ++i)
    for (Value value :
         expand(k, {columns[0][i], columns[1][i], columns[2][i]}))
      results.push_back(arith::TruncFOp::create(k.b, f32, value));
  return results;
}
