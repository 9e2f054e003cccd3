//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations in integers, to the bit what plain C++ computes:
// the sums are exact, and every other step is one operation of f32.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include "mpq/Kernel/QuantizedProduct.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mpq::test;

namespace {

struct Sizes {
  int64_t batches, rows, depth, columns;
};

/// Codes of a row or column, `pitch` elements apart.
struct Codes {
  std::vector<int> codes;
  float scale = 0;

  Codes(const Buffer &from, int64_t start, int64_t count, int64_t pitch) {
    float largest = 0;
    for (int64_t i = 0; i < count; ++i)
      largest = std::max(largest, std::fabs(from.get(start + i * pitch)));
    float inverse = 0;
    if (largest >= std::numeric_limits<float>::min()) {
      scale = largest / 127;
      inverse = 127 / largest;
    }
    for (int64_t i = 0; i < count; ++i)
      codes.push_back(
          int(std::nearbyint(from.get(start + i * pitch) * inverse)));
  }
};

} // namespace

/// What a poisoned result holds: kernels add to it.
static float getPoison() {
  uint32_t bits = 0xAAAAAAAA;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static Case makeProduct(const Sizes &s, bool isDynamic) {
  Buffer a = makeBuffer({s.batches, s.rows, s.depth}, 1);
  Buffer b = makeBuffer({s.batches, s.depth, s.columns}, 2);
  // Nothing that bf16 has: the body of the op is of f32.
  a.set(0, 1.0001f);
  // A row and a column of zeros, and one of tiny numbers.
  for (int64_t k = 0; s.rows > 1 && k < s.depth; ++k)
    a.set((s.rows - 1) * s.depth + k, 0);
  for (int64_t k = 0; s.columns > 1 && k < s.depth; ++k) {
    b.set(k * s.columns + s.columns - 1, 0);
    b.set(k * s.columns, b.get(k * s.columns) * 1e-30f);
  }
  auto expected = [=](int64_t i) {
    int64_t n = i % s.columns, row = i / s.columns, batch = row / s.rows;
    float sum = getPoison();
    for (int64_t k = 0; k < s.depth; k += mpq::kProductBlock) {
      int64_t count = std::min(s.depth - k, mpq::kProductBlock);
      Codes left(a, row * s.depth + k, count, 1);
      Codes right(b, (batch * s.depth + k) * s.columns + n, count, s.columns);
      int dot = 0;
      for (int64_t j = 0; j < count; ++j)
        dot += left.codes[j] * right.codes[j];
      float product = float(dot) * left.scale;
      product = product * right.scale;
      sum = sum + product;
    }
    return sum;
  };
  auto text = [=](auto names, auto types) {
    std::string casts;
    for (size_t i = 0; isDynamic && i < 3; ++i) {
      std::string name = "%d" + std::to_string(i), type = "memref<?x?x?xf32>";
      casts += name + " = memref.cast " + names[i] + " : " + types[i] +
               " to " + type + "\n";
      names[i] = name;
      types[i] = type;
    }
    return casts + R"(linalg.generic {indexing_maps = [
      affine_map<(d, m, n, k) -> (d, m, k)>, affine_map<(d, m, n, k) -> (d, k, n)>,
      affine_map<(d, m, n, k) -> (d, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins()" +
           names[0] + ", " + names[1] + " : " + types[0] + ", " + types[1] +
           ") outs(" + names[2] + " : " + types[2] +
           R"() attrs = {mpq.operand_quant = #mpq.uniform<dynamic>} {
      ^bb0(%p: f32, %q: f32, %s: f32):
        %x = arith.mulf %p, %q : f32
        %y = arith.addf %s, %x : f32
        linalg.yield %y : f32
      })";
  };
  Case test = makeCase(text, {a, b}, Buffer({s.batches, s.rows, s.columns}, {}),
                       expected, 0);
  test.family = "batch_matmul_int8";
  return test;
}

/// Around tiles of 8 (or 4) rows and two vectors of columns, chunks of 64 rows,
/// steps of 4 and blocks of 512 along the sum. A kernel for any sizes has code
/// for all tiles, whatever the sizes are, and takes long to compile.
TEST(BatchMatmulInt8, EdgeShapes) {
  std::vector<Case> cases;
  for (const Sizes &sizes : std::vector<Sizes>{{1, 1, 1, 1},
                                               {2, 8, 4, 32},
                                               {1, 9, 17, 33},
                                               {3, 7, 16, 31},
                                               {1, 65, 6, 17},
                                               {1, 3, 513, 5},
                                               {1, 2, 1027, 70}})
    cases.push_back(makeProduct(sizes, /*isDynamic=*/false));
  for (const Sizes &sizes : std::vector<Sizes>{
           {1, 1, 1, 1}, {2, 9, 16, 33}, {1, 65, 6, 31}, {1, 7, 1027, 70}})
    cases.push_back(makeProduct(sizes, /*isDynamic=*/true));
  std::vector<std::string> cpus = getTestedCpus();
  if (cpus.back() == "native")
    cpus.push_back("native/256");
  for (const std::string &cpu : cpus)
    runCases(cases, cpu);
}
