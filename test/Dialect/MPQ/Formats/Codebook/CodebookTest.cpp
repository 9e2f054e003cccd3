//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codebooks on the host: bytes where Codebook.td says, levels that are nearest,
// scales against brute force, and learned tables.
//
//===----------------------------------------------------------------------===//
#include "dialects/MPQ/Formats/Codebook/Codebook.h"
#include "dialects/MPQ/Formats/Codebook/Table.h"

#include "test/Dialect/MPQ/Formats/FormatTest.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

namespace {

class Codebook : public FormatTest {};

/// The drawing of Codebook.td.
TEST_F(Codebook, PacksCodesBeforeScales) {
  FormatAttrInterface format = get("fp4");
  std::vector<float> weights = {.6f, -.6f, 1.2f, .1f};
  std::vector<char> payload(format.getStorageBytes(1, 4));
  ASSERT_EQ(payload.size(), 2u + 4u);
  format.encode(weights, 1, 4, payload);
  EXPECT_EQ(uint8_t(payload[0]), 0xd5);
  EXPECT_EQ(uint8_t(payload[1]), 0x17);
}

/// Five levels in a byte, the lowest digit first, and rows that begin with a byte;
/// groups need not.
TEST_F(Codebook, PacksFiveDigitsOfBase3) {
  std::vector<float> weights = {3, -3, 0, 0, 3, -3, 3, 0, 0, 0, -3, 3, 3, -3};
  FormatAttrInterface format = get("ternary:g4");
  std::vector<char> payload(format.getStorageBytes(2, 7));
  ASSERT_EQ(payload.size(), 2u * 2 + 4 * 4);
  format.encode(weights, 2, 7, payload);
  EXPECT_EQ(uint8_t(payload[0]), 2 + 0 * 3 + 1 * 9 + 1 * 27 + 2 * 81);
  EXPECT_EQ(uint8_t(payload[1]), 0 + 2 * 3);
  EXPECT_EQ(uint8_t(payload[2]), 1 + 1 * 3 + 1 * 9 + 0 * 27 + 2 * 81);
  EXPECT_EQ(uint8_t(payload[3]), 2 + 0 * 3);
  EXPECT_EQ(error(weights, roundTrip("ternary:g4", weights, 2, 7)), 0);
}

/// What is stored in fewer bytes is the same.
TEST_F(Codebook, TernaryIsTernary2) {
  std::vector<float> weights = normal(7 * 33);
  EXPECT_EQ(roundTrip("ternary:g16:f16", weights, 7, 33),
            roundTrip("ternary2:g16:f16", weights, 7, 33));
}

TEST_F(Codebook, CountsEveryByte) {
  EXPECT_EQ(get("ternary:g128:f16").getStorageBytes(16, 256),
            16 * 52 + 16 * 2 * 2);
  EXPECT_EQ(get("binary").getStorageBytes(16, 27), 16 * 4 + 16 * 4);
  EXPECT_EQ(get("nf4:g8:f16").getStorageBytes(3, 20), 3 * 10 + 9 * 2);
  EXPECT_EQ(get("kmeans3:tensor").getStorageBytes(5, 3), 5 * 2 + 4 + 8 * 4);
}

TEST_F(Codebook, NearestOfAllLevels) {
  for (StringRef name : getTableNames()) {
    ArrayRef<float> table = lookupTable(name);
    NearestLevel levels(table);
    for (double value = -15; value < 15; value += .0371) {
      double best = INFINITY;
      for (float level : table)
        best = std::min(best, std::abs(value - level));
      EXPECT_EQ(std::abs(value - table[levels.code(value)]), best)
          << name.str() << " at " << value;
    }
  }
}

/// No scale of a fine grid does better by more than a thousandth.
TEST_F(Codebook, ScaleHasLeastSquaredError) {
  std::vector<float> weights = normal(64);
  weights[3] = -4.5; // so that signs matter for ternary2 and nf4
  for (StringRef name : getTableNames()) {
    NearestLevel levels(lookupTable(name));
    double best = INFINITY;
    for (double scale = -5; scale < 5; scale += .0005) {
      double sum = 0;
      for (double w : weights)
        sum += std::pow(w - scale * levels.level(w / scale), 2);
      best = std::min(best, std::abs(scale) < 1e-6 ? INFINITY : sum);
    }
    EXPECT_LE(error(weights, roundTrip(name, weights, 1, 64)), best * 1.001)
        << name.str();
  }
}

/// What a table holds comes back as it is.
TEST_F(Codebook, KeepsItsLevels) {
  for (StringRef name : getTableNames()) {
    std::vector<float> weights;
    for (float level : lookupTable(name))
      weights.push_back(level * .25f);
    EXPECT_EQ(error(weights, roundTrip(name, weights, 1, weights.size())), 0)
        << name.str();
  }
  std::vector<float> four = {1, -.3f, .05f, .7f, .7f, 1, -.3f, .05f};
  EXPECT_LE(error(four, roundTrip("kmeans2:tensor", four, 2, 4)), 1e-13);
}

/// On normal weights, with a scale for each row: a learned table beats the
/// quantiles, these beat E2M1's, and these beat integers.
TEST_F(Codebook, LearnedBeatsFixed) {
  std::vector<float> weights = normal(64 * 64);
  auto of = [&](StringRef spelling) {
    return error(weights, roundTrip(spelling, weights, 64, 64));
  };
  EXPECT_LT(of("kmeans4"), of("nf4"));
  EXPECT_LT(of("nf4"), of("int4"));
  EXPECT_LT(of("kmeans3"), of("int3"));
  EXPECT_LT(of("kmeans2"), of("int2"));
  EXPECT_LT(of("ternary2"), of("binary"));
}

TEST_F(Codebook, IsTotal) {
  std::vector<float> odd = {NAN, INFINITY, -INFINITY, 0, 1, 1e38f};
  std::vector<float> zeros(6, 0);
  for (StringRef name : {"fp4", "nf4", "ternary2", "kmeans3", "kmeans8"}) {
    for (float value : roundTrip(name, odd, 1, 6))
      EXPECT_TRUE(std::isfinite(value)) << name.str();
    EXPECT_EQ(error(zeros, roundTrip(name, zeros, 2, 3)), 0) << name.str();
  }
}

TEST_F(Codebook, SaysWhatIsWrong) {
  std::string syntax =
      "; it is written "
      "binary|ternary|ternary2|fp4|nf4|kmeans2..kmeans8[:gN|:tensor][:f16]";
  EXPECT_EQ(reason("nf4:asym"),
            "number format 'nf4:asym': unknown part 'asym'" + syntax);
  EXPECT_EQ(
      reason("kmeans9"),
      "number format 'kmeans9': learned tables have 2 to 8 bits, not '9'" +
          syntax);
  EXPECT_EQ(reason("fp4:g0"), "number format 'fp4:g0': a group has at least "
                              "one weight, not '0'" +
                                  syntax);
}

} // namespace
