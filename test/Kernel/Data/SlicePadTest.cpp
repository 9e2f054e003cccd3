//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.slice_pad` against a definition in plain C++.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include <gtest/gtest.h>

using namespace mpq::test;

namespace {
struct Slice {
  std::vector<int64_t> in, out, offsets, sizes, strides, low;
};
} // namespace

static std::string list(const std::vector<int64_t> &values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "array<i64: " + text + ">";
}

static Case makeSlice(const Slice &s, Format from, Format to,
                      std::string family) {
  Buffer input(s.in, from), output(s.out, to);
  input.randomize(7);
  auto expected = [=](int64_t index) {
    int64_t source = 0, pitch = 1;
    for (size_t d = s.in.size(); d-- > 0; index /= s.out[d], pitch *= s.in[d]) {
      int64_t i = index % s.out[d] - s.low[d];
      if (i < 0 || i >= s.sizes[d])
        return 0.f;
      source += (s.offsets[d] + i * s.strides[d]) * pitch;
    }
    return input.get(source);
  };
  std::string op = "mpq.slice_pad $ins $outs {offsets = " + list(s.offsets) +
                   ", sizes = " + list(s.sizes) +
                   ", strides = " + list(s.strides) + ", low = " + list(s.low) +
                   ", $attrs}";
  return {op + input.getType() + " -> " + output.getType(),
          family,
          op,
          {input},
          output,
          expected,
          1e-6f};
}

static const std::vector<Slice> kSlices = {
    // The shortcut of ResNet-20: every second pixel, channels in the middle.
    {{1, 16, 8, 8},
     {1, 32, 4, 4},
     {0, 0, 0, 0},
     {1, 16, 4, 4},
     {1, 1, 2, 2},
     {0, 8, 0, 0}},
    {{1, 32, 6, 6},
     {1, 64, 3, 3},
     {0, 0, 0, 0},
     {1, 32, 3, 3},
     {1, 1, 2, 2},
     {0, 16, 0, 0}},
    // Channels out of the middle, with tails on both sides.
    {{1, 35, 3, 5},
     {1, 20, 3, 5},
     {0, 9, 0, 0},
     {1, 20, 3, 5},
     {1, 1, 1, 1},
     {0, 0, 0, 0}},
    {{2, 20, 3, 5},
     {2, 50, 3, 5},
     {0, 3, 0, 0},
     {2, 14, 3, 5},
     {1, 1, 1, 1},
     {0, 19, 0, 0}},
    // Padding everywhere.
    {{2, 17, 4, 5},
     {4, 40, 9, 12},
     {1, 1, 1, 1},
     {1, 16, 3, 2},
     {1, 1, 1, 2},
     {2, 5, 3, 4}},
    {{1, 1, 1, 1},
     {1, 3, 2, 2},
     {0, 0, 0, 0},
     {1, 1, 1, 1},
     {1, 1, 1, 1},
     {0, 1, 1, 0}},
    // Backwards.
    {{1, 16, 4, 7},
     {1, 16, 4, 7},
     {0, 0, 3, 6},
     {1, 16, 4, 7},
     {1, 1, -1, -1},
     {0, 0, 0, 0}},
};

static std::vector<Case> makeAll(int64_t block, std::string family) {
  std::vector<Case> cases;
  Format plain{block, {}}, bordered = plain;
  if (block)
    bordered.border = {1, 2, 0, 1};
  auto codes = [](Format format, float scale, int zeroPoint) {
    format.scale = scale, format.zeroPoint = zeroPoint;
    return format;
  };
  for (const Slice &s : kSlices) {
    cases.push_back(makeSlice(s, plain, bordered, family));
    cases.push_back(makeSlice(s, codes(bordered, 0.02f, 100),
                              codes(bordered, 0.02f, 100), family));
    cases.push_back(makeSlice(s, codes(plain, 0.02f, 100),
                              codes(bordered, 0.017f, 117), family));
    cases.push_back(makeSlice(s, codes(bordered, 0.02f, 100), plain, family));
  }
  return cases;
}

static void runOnAllCpus(std::vector<Case> cases) {
  for (const std::string &cpu : getTestedCpus())
    runCases(cases, cpu);
}

TEST(SlicePad, Blocks16) { runOnAllCpus(makeAll(16, "slice_pad")); }
TEST(SlicePad, Blocks8) { runOnAllCpus(makeAll(8, "slice_pad")); }
TEST(SlicePad, Blocks4) { runOnAllCpus(makeAll(4, "slice_pad")); }
TEST(ReferenceSlicePad, Plain) {
  runOnAllCpus(makeAll(0, "reference_slice_pad"));
}
TEST(ReferenceSlicePad, Blocks) {
  runOnAllCpus(makeAll(4, "reference_slice_pad"));
}

TEST(ReferenceSlicePad, OtherRanks) {
  runOnAllCpus(
      {makeSlice({{7}, {9}, {1}, {3}, {2}, {4}}, {}, {}, ""),
       makeSlice({{3, 5}, {4, 5}, {0, 0}, {3, 5}, {1, 1}, {1, 0}}, {}, {}, ""),
       makeSlice(
           {{3, 5, 2}, {2, 5, 3}, {1, 0, 0}, {2, 5, 2}, {1, 1, 1}, {0, 0, 1}},
           {}, {}, "")});
}
