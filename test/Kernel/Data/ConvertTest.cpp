//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.convert`: the logical values survive every change of layout.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mpq::test;

static Case makeConvert(std::vector<int64_t> shape, Format from, Format to,
                        std::string family = "") {
  Buffer input(shape, from);
  input.randomize(unsigned(shape[1] * 31 + to.block));
  auto text = [](const Buffer &b) {
    return b.getType() + b.getLayout() + b.getQuant();
  };
  Buffer output(shape, to);
  return {text(input) + " -> " + text(output),
          family,
          "mpq.convert $ins $outs {$attrs}",
          {input},
          output,
          [input](int64_t i) { return input.get(i); }};
}

static const std::array<int64_t, 4> kBorder = {1, 1, 1, 1},
                                    kUneven = {0, 2, 1, 3};
static const float kScale = 0.017f;

/// Every pair of blocks and representations.
static std::vector<Case> makeAll(std::vector<int64_t> shape, std::string family,
                                 std::vector<int64_t> blocks) {
  std::vector<Case> cases;
  for (int64_t from : blocks)
    for (int64_t to : blocks)
      for (int quant = 0; quant < 5; ++quant) {
        Format source{from, {}, quant & 1 ? kScale : 0, quant & 1 ? 117 : 0};
        Format target{to, {}, quant & 2 ? kScale : 0, quant & 2 ? 117 : 0};
        if (quant == 4) // another quantization
          source = {from, {}, 2 * kScale, 100}, target = {to, {}, kScale, 117};
        if (from)
          source.border = quant == 1   ? kBorder
                          : quant == 2 ? kUneven
                                       : source.border;
        if (to)
          target.border = quant == 0   ? kBorder
                          : quant == 1 ? kUneven
                                       : target.border;
        cases.push_back(makeConvert(shape, source, target, family));
      }
  return cases;
}

static void runOnAllCpus(std::vector<Case> cases, const std::string &family) {
  for (const std::string &cpu : getTestedCpus()) {
    runCases(cases, cpu);
    for (const Case &test : cases)
      EXPECT_EQ(test.chosen, family) << test.name;
  }
}

// Channels 1, 3, 15, 16, 17, 20; widths 1, tile - 1, tile, tile + 1.
TEST(Convert, AllLayoutsWithChannelTail) {
  runOnAllCpus(makeAll({1, 20, 5, 7}, "", {0, 1, 4, 8, 16}), "convert");
}
TEST(Convert, AllLayoutsOfFewChannels) {
  runOnAllCpus(makeAll({2, 3, 4, 17}, "", {0, 4, 16}), "convert");
}
TEST(Convert, AllLayoutsOfOneColumn) {
  runOnAllCpus(makeAll({1, 17, 3, 1}, "", {0, 8, 16}), "convert");
}
TEST(Convert, AllLayoutsOfOnePixel) {
  runOnAllCpus(makeAll({2, 35, 1, 1}, "", {0, 4, 16}), "convert");
}
TEST(Convert, AllLayoutsOfWholeTiles) {
  runOnAllCpus(makeAll({1, 16, 3, 16}, "", {0, 16}), "convert");
}
TEST(Convert, OneChannel) {
  runOnAllCpus(makeAll({1, 1, 3, 15}, "", {0, 1, 4, 16}), "convert");
}

TEST(Convert, QuantizesMatrices) {
  std::vector<Case> cases;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{3, 7}, {1, 1}, {2, 5, 67}, {200, 3}})
    for (int quant = 0; quant < 4; ++quant)
      cases.push_back(
          makeConvert(shape, {0, {}, quant & 1 ? kScale : 0, 117 * (quant & 1)},
                      {0, {}, quant & 2 ? kScale : 0, 117 * (quant & 2) / 2}));
  runOnAllCpus(cases, "convert");
}

TEST(Convert, SaturatesAndRoundsHalfToEven) {
  Case test = makeConvert({1, 1, 1, 64}, {}, {0, {}, 0.5f, 128});
  for (int i = 0; i < 64; ++i)
    test.inputs[0].set(i, 0.25f * float(i - 32));
  test.inputs[0].set(0, 1e30f), test.inputs[0].set(1, -1e30f);
  Buffer input = test.inputs[0];
  std::vector<Case> cases;
  test.expected = [input](int64_t i) {
    return i == 0   ? 63.5f
           : i == 1 ? -64.f
                    : 0.5f * std::nearbyint(input.get(i) / 0.5f);
  };
  cases.push_back(test);
  runCases(cases, "x86-64-v2");
  for (int i = 2; i < 64; ++i)
    EXPECT_EQ(cases[0].output.get(i), cases[0].expected(i)) << i;
}

TEST(ReferenceConvert, TakesEveryBlock) {
  runOnAllCpus(makeAll({2, 7, 3, 2}, "reference_convert", {0, 1, 3, 4, 6}),
               "reference_convert");
}
