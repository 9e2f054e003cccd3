//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.map` against plain C++, and the accuracy of its functions.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace mpq::test;

static Case makeMap(std::string body, std::vector<Buffer> inputs, Buffer output,
                    std::string family,
                    std::function<float(int64_t)> expected) {
  std::string arguments;
  for (size_t i = 0; i < inputs.size(); ++i)
    arguments += (i ? ", %" : "%") + std::string(1, char('a' + i)) + ": f32";
  std::string op = "mpq.map $ins $outs attributes {$lists} {\n^bb0(" +
                   arguments + "):\n" + body + "\n}";
  std::string name = body + " on";
  for (const Buffer &input : inputs)
    name += " " + input.getType();
  return {name, family, op, inputs, output, expected, 1e-6f};
}

/// (a * b + c[channel]) / c[channel], then ReLU: infinite where c is zero, as
/// it is in the lanes without a channel.
static const char *kBody = R"(
  %zero = arith.constant 0.0 : f32
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %c : f32
  %q = arith.divf %s, %c : f32
  %m = arith.cmpf ogt, %q, %zero : f32
  %r = arith.select %m, %q, %zero : f32
  mpq.yield %r : f32)";

static Case makeMixed(std::vector<int64_t> shape, Format a, Format b, Format to,
                      std::string family, Format c = {}) {
  Buffer x(shape, a), y(shape, b), z({shape[1]}, c), out(shape, to);
  x.randomize(1), y.randomize(2), z.randomize(3);
  for (int64_t i = 0; i < shape[1]; ++i)
    z.set(i, std::fabs(z.get(i)) + 0.5f);
  int64_t inner = 1;
  for (size_t d = 2; d < shape.size(); ++d)
    inner *= shape[d];
  auto expected = [=](int64_t i) {
    float s = z.get(i / inner % shape[1]);
    return std::max(0.f, (x.get(i) * y.get(i) + s) / s);
  };
  return makeMap(kBody, {x, y, z}, out, family, expected);
}

static std::vector<Case> makeAll(std::vector<int64_t> shape, int64_t block,
                                 std::string family) {
  Format plain{block, {}}, one = plain, two = plain;
  if (block)
    one.border = {1, 1, 1, 1}, two.border = {0, 2, 1, 0};
  auto codes = [](Format format, float scale, int zeroPoint) {
    format.scale = scale, format.zeroPoint = zeroPoint;
    return format;
  };
  return {makeMixed(shape, plain, plain, plain, family),
          makeMixed(shape, one, plain, two, family),
          makeMixed(shape, plain, two, one, family, {0, {}, 0.02f, 3}),
          makeMixed(shape, codes(one, 0.02f, 100), plain, codes(two, 0.03f, 20),
                    family),
          makeMixed(shape, codes(plain, 0.02f, 100), codes(plain, 0.017f, 117),
                    codes(plain, 0.03f, 20), family)};
}

static void runOnAllCpus(std::vector<Case> cases) {
  for (const std::string &cpu : getTestedCpus())
    runCases(cases, cpu);
}

TEST(Map, BlocksWithTail) { runOnAllCpus(makeAll({2, 20, 3, 5}, 16, "map")); }
TEST(Map, BlocksOf8) { runOnAllCpus(makeAll({1, 17, 4, 1}, 8, "map")); }
TEST(Map, WholeBlocks) { runOnAllCpus(makeAll({1, 32, 3, 3}, 16, "map")); }
TEST(Map, Planar) { runOnAllCpus(makeAll({2, 3, 5, 17}, 1, "map")); }
TEST(Map, Plain) {
  for (std::vector<int64_t> shape : {std::vector<int64_t>{2, 3, 5, 7},
                                     {1, 5, 1, 1},
                                     {3, 35},
                                     {2, 16},
                                     {2, 3, 19},
                                     {1, 1}})
    runOnAllCpus(makeAll(shape, 0, "map"));
}
TEST(ReferenceMap, AllLayouts) {
  runOnAllCpus(makeAll({2, 5, 3, 4}, 4, "reference_map"));
  runOnAllCpus(makeAll({2, 5, 3, 4}, 0, "reference_map"));
  runOnAllCpus(makeAll({3, 5}, 0, "reference_map"));
}

TEST(Map, WithoutChannels) {
  std::vector<Case> cases;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{1}, {67}, {2, 33}, {1, 2, 3, 4, 5}, {1, 20, 4, 4}})
    for (int64_t block : {0, 16}) {
      if (block && shape.size() != 4)
        continue;
      Buffer x(shape, {block, {}}), y(shape, {block, {}}),
          out(shape, {block, {}});
      x.randomize(1), y.randomize(2);
      cases.push_back(
          makeMap("%s = arith.subf %a, %b : f32\nmpq.yield %s : f32", {x, y},
                  out, "", [=](int64_t i) { return x.get(i) - y.get(i); }));
    }
  runOnAllCpus(cases);
}

//===----------------------------------------------------------------------===//
// Accuracy
//===----------------------------------------------------------------------===//

namespace {
struct Function {
  const char *name;
  double (*exact)(double);
  double from, to;
};
} // namespace

static double rsqrt(double x) { return 1 / std::sqrt(x); }

static const Function kFunctions[] = {
    {"exp", std::exp, -87, 88},       {"exp2", std::exp2, -120, 120},
    {"expm1", std::expm1, -20, 80},   {"log", std::log, 1e-30, 1e3},
    {"log2", std::log2, 0.01, 1e4},   {"log1p", std::log1p, -0.99, 100},
    {"tanh", std::tanh, -12, 12},     {"erf", std::erf, -5, 5},
    {"erfc", std::erfc, -5, 9},       {"sin", std::sin, -100, 100},
    {"cos", std::cos, -100, 100},     {"tan", std::tan, -1.5, 1.5},
    {"atan", std::atan, -50, 50},     {"asin", std::asin, -1, 1},
    {"acos", std::acos, -1, 0.99},    {"sinh", std::sinh, -20, 20},
    {"cosh", std::cosh, -20, 20},     {"sqrt", std::sqrt, 0, 1000},
    {"rsqrt", rsqrt, 1e-5, 1000},     {"cbrt", std::cbrt, -1000, 1000},
    {"log10", std::log10, 0.01, 1e4},
};

/// A relative error of 1e-6, over the whole range and densely around zero.
TEST(Map, FunctionsAreAccurate) {
  constexpr int64_t kPoints = 20000;
  std::vector<Case> cases;
  for (const Function &function : kFunctions) {
    Buffer x({kPoints}, {}), y({kPoints}, {});
    for (int64_t i = 0; i < kPoints; ++i) {
      double t = double(i) / kPoints;
      double value = function.from + (function.to - function.from) * t;
      if (i % 2) // towards zero, logarithmically
        value =
            (i % 4 == 1 && function.from < 0 ? function.from : function.to) *
            std::exp(-18 * t);
      x.set(i, float(value));
    }
    std::string name = function.name;
    cases.push_back(makeMap(
        "%r = math." + name + " %a : f32\nmpq.yield %r : f32", {x}, y, "map",
        [x, function](int64_t i) { return float(function.exact(x.get(i))); }));
    cases.back().tolerance = 1e-5f;
  }
  for (const std::string &cpu : getTestedCpus()) {
    std::vector<double> times =
        runCases(cases, cpu, getenv("MPQ_TIMES") ? 10 : 0);
    for (size_t f = 0; f < cases.size(); ++f) {
      double worst = 0, at = 0;
      for (int64_t i = 0; i < kPoints; ++i) {
        double exact = kFunctions[f].exact(cases[f].inputs[0].get(i)),
               value = cases[f].output.get(i);
        // Denormal results and sines near their zeros are excused.
        bool periodic =
            std::fabs(exact) < 1e-3 && std::fabs(cases[f].inputs[0].get(i)) > 1;
        if (std::fabs(exact) < 1.2e-38 || periodic)
          continue;
        double error = std::fabs(value - exact) / std::fabs(exact);
        if (!(error <= worst))
          worst = error, at = cases[f].inputs[0].get(i);
      }
      EXPECT_LE(worst, 1e-6)
          << kFunctions[f].name << "(" << at << ") on " << cpu;
      if (!times.empty())
        printf("%-6s %-10s error %.2g, %.2f ns per element\n",
               kFunctions[f].name, cpu.c_str(), worst, times[f] / kPoints);
    }
  }
}

/// Zeros, infinities and NaN: softmax relies on exp(-inf) = 0. (Denormals are
/// left out: log takes them for the smallest normal number.)
TEST(Map, FunctionsOfSpecialValues) {
  const std::vector<float> values = {0.f, -0.f,  INFINITY, -INFINITY,
                                     NAN, 200.f, -200.f};
  std::vector<Case> cases;
  for (const Function &function : kFunctions) {
    Buffer x({int64_t(values.size())}, {}), y = x;
    for (size_t i = 0; i < values.size(); ++i)
      x.set(int64_t(i), values[i]);
    std::string name = function.name;
    auto expected = [=](int64_t i) { return float(function.exact(values[i])); };
    cases.push_back(
        makeMap("%r = math." + name + " %a : f32\nmpq.yield %r : f32", {x}, y,
                "map", expected));
  }
  runOnAllCpus(cases);
}
