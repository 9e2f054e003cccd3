//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.pool` against a definition in plain C++.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace mpq::test;

namespace {
struct Window {
  bool max;
  int64_t height, width, strideY, strideX;
  std::array<int64_t, 4> pads;
  bool includePad = false, ceil = false;
};
} // namespace

static float pool(const Buffer &x, const Window &p, int64_t n, int64_t c,
                  int64_t oh, int64_t ow) {
  double sum = 0, best = -INFINITY, count = 0;
  for (int64_t kh = 0; kh < p.height; ++kh)
    for (int64_t kw = 0; kw < p.width; ++kw) {
      int64_t h = oh * p.strideY + kh - p.pads[0],
              w = ow * p.strideX + kw - p.pads[1];
      if (p.includePad && h < x.shape[2] + p.pads[2] &&
          w < x.shape[3] + p.pads[3])
        ++count;
      if (h < 0 || h >= x.shape[2] || w < 0 || w >= x.shape[3])
        continue;
      count += !p.includePad;
      sum += x.at(n, c, h, w);
      best = std::max(best, double(x.at(n, c, h, w)));
    }
  return float(p.max ? best : sum / count);
}

static Case makePool(std::vector<int64_t> shape, Window p, Format from,
                     Format to, std::string family) {
  auto size = [&](int64_t in, int64_t window, int64_t stride, int64_t pads) {
    int64_t span = in + pads - window;
    return (span + (p.ceil ? stride - 1 : 0)) / stride + 1;
  };
  std::vector<int64_t> out = {
      shape[0], shape[1],
      size(shape[2], p.height, p.strideY, p.pads[0] + p.pads[2]),
      size(shape[3], p.width, p.strideX, p.pads[1] + p.pads[3])};
  Buffer input(shape, from), output(out, to);
  input.randomize(unsigned(shape[1]));
  auto list = [](std::initializer_list<int64_t> values) {
    std::string text;
    for (int64_t value : values)
      text += (text.empty() ? "" : ", ") + std::to_string(value);
    return "array<i64: " + text + ">";
  };
  std::string attributes =
      "window = " + list({p.height, p.width}) +
      ", strides = " + list({p.strideY, p.strideX}) +
      ", pads = " + list({p.pads[0], p.pads[1], p.pads[2], p.pads[3]}) +
      (p.includePad ? ", count_include_pad" : "");
  std::string op = std::string("mpq.pool ") + (p.max ? "max" : "average") +
                   " $ins $outs {" + attributes + ", $attrs}";
  auto expected = [=](int64_t i) {
    int64_t w = i % out[3], h = i / out[3] % out[2],
            c = i / out[3] / out[2] % out[1];
    return pool(input, p, i / out[3] / out[2] / out[1], c, h, w);
  };
  return {op + " on " + input.getType(),
          family,
          op,
          {input},
          output,
          expected,
          1e-6f};
}

static const std::vector<Window> kWindows = {
    {true, 2, 2, 2, 2, {0, 0, 0, 0}},
    {true, 3, 3, 2, 2, {1, 1, 1, 1}},
    {false, 3, 3, 1, 1, {1, 1, 1, 1}},
    {false, 3, 3, 2, 2, {1, 1, 1, 1}, true},
    {true, 3, 2, 2, 1, {0, 1, 2, 0}},
    {false, 3, 3, 2, 2, {0, 1, 1, 0}, false, true}, // the last windows run over
                                                    // the edge
    {false, 3, 3, 2, 2, {1, 0, 0, 1}, true, true},
    {true, 2, 2, 2, 2, {0, 0, 0, 0}, false, true},
    {false, 7, 6, 1, 1, {0, 0, 0, 0}},
    {true, 7, 6, 3, 2, {3, 3, 3, 3}},
};

static std::vector<Case> makeAll(std::vector<int64_t> shape, int64_t block,
                                 std::string family) {
  std::vector<Case> cases;
  Format plain{block, {}}, bordered = plain;
  if (block)
    bordered.border = {1, 2, 0, 1};
  auto codes = [](Format format, float scale, int zeroPoint) {
    format.scale = scale, format.zeroPoint = zeroPoint;
    return format;
  };
  for (const Window &p : kWindows) {
    if (p.height > shape[2] + p.pads[0] + p.pads[2] ||
        p.width > shape[3] + p.pads[1] + p.pads[3])
      continue;
    cases.push_back(makePool(shape, p, plain, bordered, family));
    cases.push_back(makePool(shape, p, codes(bordered, 0.02f, 100),
                             codes(plain, 0.02f, 100), family));
    cases.push_back(makePool(shape, p, codes(plain, 0.02f, 100),
                             codes(bordered, 0.017f, 117), family));
    cases.push_back(
        makePool(shape, p, codes(bordered, 0.02f, 100), plain, family));
    cases.push_back(
        makePool(shape, p, bordered, codes(bordered, 0.02f, 100), family));
  }
  return cases;
}

static void runOnAllCpus(std::vector<Case> cases) {
  for (const std::string &cpu : getTestedCpus())
    runCases(cases, cpu);
}

TEST(Pool, ChannelTail) { runOnAllCpus(makeAll({1, 20, 9, 8}, 16, "pool")); }
TEST(Pool, Blocks8) { runOnAllCpus(makeAll({2, 8, 7, 11}, 8, "pool")); }
TEST(Pool, Blocks4) { runOnAllCpus(makeAll({1, 3, 8, 9}, 4, "pool")); }
TEST(ReferencePool, Plain) {
  runOnAllCpus(makeAll({2, 3, 8, 7}, 0, "reference_pool"));
}
TEST(ReferencePool, Blocks) {
  runOnAllCpus(makeAll({1, 5, 7, 8}, 4, "reference_pool"));
}

TEST(Pool, Global) {
  std::vector<Case> cases;
  for (auto [h, w] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {8, 8}, {7, 7}, {25, 5}, {1, 40}, {40, 1}, {33, 17}})
    for (bool max : {false, true})
      for (float scale : {0.f, 0.02f})
        cases.push_back(makePool({1, 20, h, w}, {max, h, w, 1, 1, {0, 0, 0, 0}},
                                 {16, {}, scale, scale ? 100 : 0},
                                 {16, {}, scale, scale ? 100 : 0}, "pool"));
  runOnAllCpus(cases);
}
