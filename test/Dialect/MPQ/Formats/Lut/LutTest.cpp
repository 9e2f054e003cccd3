//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Learned tables on the host: bytes where Lut.td says, and errors: against the
// best tables that there are, found by dynamic programming, and against other
// formats.
//
//===----------------------------------------------------------------------===//
#include "dialects/MPQ/Formats/Lut/Lut.h"

#include "test/Dialect/MPQ/Formats/FormatTest.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

namespace {

class Lut : public FormatTest {};

/// The least squared error of `values` with `count` levels: of the sorted
/// values, each level is the mean of a stretch.
double getLeastError(std::vector<float> values, unsigned count) {
  llvm::sort(values);
  size_t n = values.size();
  std::vector<double> sum(n + 1), square(n + 1), best(n + 1, INFINITY);
  for (size_t i = 0; i < n; ++i) {
    sum[i + 1] = sum[i] + values[i];
    square[i + 1] = square[i] + double(values[i]) * values[i];
  }
  best[0] = 0;
  for (unsigned level = 0; level < count; ++level) {
    std::vector<double> next(n + 1, INFINITY);
    for (size_t end = 1; end <= n; ++end)
      for (size_t begin = 0; begin < end; ++begin) {
        double part = sum[end] - sum[begin];
        double cost = square[end] - square[begin] - part * part / (end - begin);
        next[end] = std::min(next[end], best[begin] + cost);
      }
    best = next;
  }
  return best[n];
}

/// The drawing of Lut.td.
TEST_F(Lut, PacksCodesBeforeTables) {
  FormatAttrInterface format = get("lut2");
  std::vector<float> weights = {1, 5, 5, -2};
  std::vector<char> payload(format.getStorageBytes(1, 4));
  ASSERT_EQ(payload.size(), 1u + 4 * 4);
  format.encode(weights, 1, 4, payload);
  EXPECT_EQ(uint8_t(payload[0]), 0x29);
  std::vector<float> table(4);
  memcpy(table.data(), payload.data() + 1, 16);
  EXPECT_EQ(table, (std::vector<float>{-2, 1, 5, 5}));
}

TEST_F(Lut, CountsEveryByte) {
  EXPECT_EQ(get("lut4:f16").getStorageBytes(16, 256), 16 * 128 + 16 * 16 * 2);
  EXPECT_EQ(get("lut4:g64").getStorageBytes(3, 100), 3 * 50 + 6 * 16 * 4);
  EXPECT_EQ(get("lut8:f16").getStorageBytes(2, 33), 2 * 33 + 2 * 256 * 2);
  EXPECT_EQ(get("lut3:tensor:f16").getStorageBytes(5, 3), 5 * 2 + 8 * 2);
}

TEST_F(Lut, TableIsTheBest) {
  std::vector<float> weights = normal(300);
  for (unsigned bits : {2, 3, 4}) {
    std::string spelling = "lut" + std::to_string(bits);
    double found = error(weights, roundTrip(spelling, weights, 1, 300));
    EXPECT_LE(found, getLeastError(weights, 1 << bits) * (1 + 1e-6))
        << spelling;
  }
}

/// Rows of different shapes: a table for each beats one with scales.
TEST_F(Lut, RowsHaveTheirOwnShapes) {
  std::vector<float> weights = normal(2 * 512);
  for (int64_t i = 0; i < 512; ++i)
    weights[i] = std::abs(weights[i]);
  auto of = [&](StringRef spelling) {
    return error(weights, roundTrip(spelling, weights, 2, 512));
  };
  EXPECT_LT(of("lut3"), .8 * of("kmeans3"));
  EXPECT_LT(of("lut4:f16"), .8 * of("kmeans4:f16"));
  EXPECT_LT(of("lut4:g128"), of("lut4"));
  EXPECT_LT(of("lut3"), of("lut3:tensor"));
}

/// As many different values as levels come back as they are.
TEST_F(Lut, KeepsWhatATableHolds) {
  std::vector<float> weights;
  for (int i = 0; i < 256; ++i)
    weights.push_back(i * i * (i % 2 ? .25f : -.5f));
  EXPECT_EQ(error(weights, roundTrip("lut8", weights, 1, 256)), 0);
}

TEST_F(Lut, IsTotal) {
  std::vector<float> odd = {NAN, INFINITY, -INFINITY, 0, 1, 1e38f};
  std::vector<float> zeros(6, 0);
  for (StringRef name : {"lut2", "lut4:f16", "lut8", "lut3:tensor"}) {
    for (float value : roundTrip(name, odd, 1, 6))
      EXPECT_TRUE(std::isfinite(value)) << name.str();
    EXPECT_EQ(error(zeros, roundTrip(name, zeros, 2, 3)), 0) << name.str();
  }
}

TEST_F(Lut, SaysWhatIsWrong) {
  std::string syntax = "; it is written lut2..lut8[:gN|:tensor][:f16]";
  EXPECT_EQ(reason("lut9"),
            "number format 'lut9': codes of learned tables have 2 to 8 bits, "
            "not 9" +
                syntax);
  EXPECT_EQ(reason("lut4:g8"),
            "number format 'lut4:g8': a table of 16 values is for at least as "
            "many weights, not 8" +
                syntax);
  EXPECT_EQ(reason("lut4:asym"),
            "number format 'lut4:asym': unknown part 'asym'" + syntax);
}

} // namespace
