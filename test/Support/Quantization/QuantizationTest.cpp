//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Properties of the integer quantizer that hold for every width, symmetry and
// scale type, and the search against an exhaustive one.
//
//===----------------------------------------------------------------------===//
#include "mpq/Support/Quantization.h"

#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace llvm;
using namespace mpq;

namespace {

std::vector<IntGrid> allGrids() {
  std::vector<IntGrid> grids;
  for (unsigned bits = 2; bits <= 8; ++bits)
    for (bool asymmetric : {false, true})
      for (ScaleType type : {ScaleType::F32, ScaleType::F16})
        grids.push_back({bits, asymmetric, type});
  return grids;
}

std::string describe(const IntGrid &grid) {
  return "int" + std::to_string(grid.bits) + (grid.asymmetric ? " asym" : "") +
         (grid.scaleType == ScaleType::F16 ? " f16" : "");
}

/// Random vectors; the same on every platform.
class Samples {
public:
  double uniform() { return (double(random()) - .5) / 2147483647.0; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) *
           std::cos(6.283185307179586 * uniform());
  }
  /// Normal, with `offset`, and every 50th value 10 times as large.
  std::vector<float> vector(size_t count, double offset = 0,
                            bool outliers = false) {
    std::vector<float> values;
    for (size_t i = 0; i < count; ++i)
      values.push_back(normal() * (outliers && i % 50 == 49 ? 10 : 1) + offset);
    return values;
  }

private:
  std::minstd_rand random{7};
};

/// The least error over a fine grid of scales and all zero points, in the
/// straightforward way.
double exhaustiveError(ArrayRef<float> values, const IntGrid &grid) {
  double largest = 0;
  for (float value : values)
    largest = std::max(largest, std::abs(double(value)));
  double best = std::numeric_limits<double>::infinity();
  double top = 2 * largest / (1 << (grid.bits - 1));
  for (int32_t zero = 0; zero <= (grid.asymmetric ? grid.maxCode() : 0); ++zero)
    for (int i = 1; i <= 1000; ++i)
      for (double sign : {1., -1.}) {
        if (sign < 0 && grid.asymmetric)
          continue;
        IntScale scale{roundScale(sign * top * i / 1000, grid.scaleType), zero};
        best = std::min(best, squaredError(values, scale, grid));
      }
  return best;
}

TEST(Quantization, SignOfTheScaleMatters) {
  // The example of the header.
  std::vector<float> values{-.4f, .5f, 1.f};
  IntGrid grid{2};
  EXPECT_NEAR(squaredError(values, {.5f, 0}, grid), .26, 1e-6);
  EXPECT_NEAR(squaredError(values, {-.5f, 0}, grid), .01, 1e-6);
  EXPECT_LT(chooseLeastSquares(values, grid).scale, 0);
}

TEST(Quantization, RoundsHalfToEvenAndSaturates) {
  IntGrid grid{4};
  IntScale scale{2, 0};
  auto code = [&](float value) { return encodeInt(value, scale, grid); };
  EXPECT_EQ(code(1), 0);
  EXPECT_EQ(code(3), 2);
  EXPECT_EQ(code(5), 2);
  EXPECT_EQ(code(-1), 0);
  EXPECT_EQ(code(-3), -2);
  EXPECT_EQ(code(1e30f), 7);
  EXPECT_EQ(code(-1e30f), -8);
  EXPECT_EQ(code(HUGE_VALF), 7);
  EXPECT_EQ(code(std::nanf("")), 0);
  IntGrid asymmetric{4, true};
  EXPECT_EQ(encodeInt(std::nanf(""), {1, 3}, asymmetric), 3);
  EXPECT_EQ(encodeInt(-100, {1, 3}, asymmetric), 0);
  EXPECT_EQ(encodeInt(100, {1, 3}, asymmetric), 15);
}

/// Encoding is exact where the quotient is within rounding of a tie.
TEST(Quantization, TiesAreThoseOfTheExactQuotient) {
  IntGrid grid{8};
  IntScale scale{0.1f, 0};
  for (int code = 0; code < 127; ++code) {
    // The f32 numbers next to (code + 1/2) * scale.
    double tie = (code + .5) * double(scale.scale);
    float near = float(tie);
    for (float value :
         {std::nextafter(near, 0.f), near, std::nextafter(near, HUGE_VALF)}) {
      int expected = value < tie   ? code
                     : value > tie ? code + 1
                                   : code + (code & 1);
      EXPECT_EQ(encodeInt(value, scale, grid), expected);
    }
  }
}

TEST(Quantization, MinMaxClipsNothing) {
  Samples samples;
  for (const IntGrid &grid : allGrids())
    for (double offset : {0., 3., -3., .2}) {
      std::vector<float> values = samples.vector(200, offset);
      IntScale scale = chooseMinMax(values, grid);
      for (float value : values)
        EXPECT_LE(
            std::abs(value - decodeInt(encodeInt(value, scale, grid), scale)),
            // A rounded scale may miss the end by 2^-11 of it.
            std::abs(scale.scale) * .5001 +
                (grid.scaleType == ScaleType::F16 ? 5e-3 : 1e-6))
            << describe(grid);
    }
}

TEST(Quantization, LeastSquaresIsNeverWorseThanMinMax) {
  Samples samples;
  for (const IntGrid &grid : allGrids())
    for (size_t count : {1, 2, 3, 7, 8, 9, 31, 33, 144, 576})
      for (double offset : {0., 1.}) {
        std::vector<float> values = samples.vector(count, offset, true);
        IntScale best = chooseLeastSquares(values, grid);
        EXPECT_LE(squaredError(values, best, grid),
                  squaredError(values, chooseMinMax(values, grid), grid))
            << describe(grid) << " of " << count;
      }
}

TEST(Quantization, LeastSquaresIsNearTheExhaustiveSearch) {
  Samples samples;
  for (const IntGrid &grid : allGrids()) {
    if (grid.asymmetric && grid.bits > 5)
      continue; // too many zero points to try
    double found = 0, exhaustive = 0, worst = 0;
    for (unsigned i = 0; i < 12; ++i) {
      std::vector<float> values =
          samples.vector(24 + 20 * i, i % 3 * .5, i % 2 == 0);
      double here =
          squaredError(values, chooseLeastSquares(values, grid), grid);
      double there = exhaustiveError(values, grid);
      found += here;
      exhaustive += there;
      worst = std::max(worst, here / there);
    }
    // Few values on many codes have many nearly equal optima.
    EXPECT_LT(found / exhaustive, grid.bits <= 5 ? 1.001 : 1.08)
        << describe(grid);
    EXPECT_LT(worst, grid.bits <= 4 ? 1.05 : 1.5) << describe(grid);
  }
}

/// What the codes can represent comes back unchanged, and again.
TEST(Quantization, RepresentableValuesAreExact) {
  for (const IntGrid &grid : allGrids())
    for (float step : {1.f, .125f, 0.0999755859375f}) {
      IntScale scale{roundScale(step, grid.scaleType),
                     grid.asymmetric ? grid.maxCode() / 3 : 0};
      std::vector<float> values;
      for (int32_t code = grid.minCode(); code <= grid.maxCode(); ++code)
        values.push_back(decodeInt(code, scale));
      EXPECT_EQ(squaredError(values, scale, grid), 0);
      IntScale chosen = chooseLeastSquares(values, grid);
      EXPECT_EQ(squaredError(values, chosen, grid), 0) << describe(grid);
      for (float value : values)
        EXPECT_EQ(decodeInt(encodeInt(value, chosen, grid), chosen), value);
    }
}

TEST(Quantization, StoredScalesAreUsedScales) {
  Samples samples;
  for (unsigned bits = 2; bits <= 8; ++bits)
    for (bool asymmetric : {false, true}) {
      IntGrid grid{bits, asymmetric, ScaleType::F16};
      std::vector<float> values = samples.vector(50, .3);
      for (IntScale scale :
           {chooseMinMax(values, grid), chooseLeastSquares(values, grid)}) {
        EXPECT_EQ(fromHalf(toHalf(scale.scale)), scale.scale);
        EXPECT_GE(scale.zeroPoint, 0);
        EXPECT_LE(scale.zeroPoint, asymmetric ? grid.maxCode() : 0);
      }
    }
}

TEST(Quantization, DegenerateVectors) {
  float tiny = std::numeric_limits<float>::denorm_min();
  float huge = std::numeric_limits<float>::max();
  for (const IntGrid &grid : allGrids()) {
    for (std::vector<float> values :
         {std::vector<float>{}, {0.f}, {0.f, -0.f, 0.f}}) {
      IntScale scale = chooseLeastSquares(values, grid);
      EXPECT_EQ(scale.scale, 1);
      EXPECT_EQ(squaredError(values, scale, grid), 0);
    }
    for (std::vector<float> values : {std::vector<float>{tiny},
                                      {tiny, -tiny},
                                      {huge},
                                      {-huge, huge},
                                      {huge, 1.f},
                                      {1e30f, -1e30f, 3e29f},
                                      {1e-30f, -1e-30f},
                                      {1.f, HUGE_VALF},
                                      {1.f, std::nanf(""), -2.f}}) {
      for (IntScale scale :
           {chooseMinMax(values, grid), chooseLeastSquares(values, grid)}) {
        EXPECT_TRUE(std::isfinite(scale.scale)) << describe(grid);
        EXPECT_NE(scale.scale, 0) << describe(grid);
        for (float value : values)
          EXPECT_TRUE(
              std::isfinite(decodeInt(encodeInt(value, scale, grid), scale)))
              << describe(grid) << value;
      }
    }
    // Constants keep their value as well as the scale's type allows.
    for (float constant : {.1f, -.1f, 5e4f})
      for (size_t count : {1, 5}) {
        std::vector<float> values(count, constant);
        IntScale scale = chooseLeastSquares(values, grid);
        EXPECT_NEAR(decodeInt(encodeInt(constant, scale, grid), scale),
                    constant, std::abs(constant) * 0x1p-11)
            << describe(grid);
      }
  }
}

TEST(Quantization, Deterministic) {
  Samples samples;
  std::vector<float> values = samples.vector(500, .1, true);
  for (const IntGrid &grid : allGrids()) {
    IntScale first = chooseLeastSquares(values, grid);
    IntScale second = chooseLeastSquares(values, grid);
    EXPECT_EQ(first.scale, second.scale);
    EXPECT_EQ(first.zeroPoint, second.zeroPoint);
  }
}

} // namespace
