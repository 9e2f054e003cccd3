//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax, normalization, rotary embedding and attention against plain C++ in
// double precision; and that nothing about a row depends on the others.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

using namespace mpq::test;

static void runOnAllCpus(std::vector<Case> cases) {
  for (const std::string &cpu : getTestedCpus())
    runCases(cases, cpu);
}

static Buffer makeBuffer(std::vector<int64_t> shape, unsigned seed) {
  Buffer buffer(shape, {});
  buffer.randomize(seed);
  return buffer;
}

/// `type` with its last dimension but one (or, of rank 1, its only one) known
/// at run time only.
static std::string makeDynamic(const std::string &type) {
  std::vector<size_t> ends;
  for (size_t at = type.find('x'); at != std::string::npos;
       at = type.find('x', at + 1))
    ends.push_back(at);
  size_t last = ends.size() - 1, dim = last ? last - 1 : 0;
  size_t start = dim ? ends[dim - 1] + 1 : type.find('<') + 1;
  return type.substr(0, start) + "?" + type.substr(ends[dim]);
}

/// Writes an op from the names and the types of its operands, the destination
/// last.
using Text = std::function<std::string(const std::vector<std::string> &names,
                                       const std::vector<std::string> &types)>;

/// Operands number `dynamic` have sizes known at run time only.
static Case makeCase(const Text &text, std::vector<Buffer> inputs,
                     Buffer output, std::function<float(int64_t)> expected,
                     float tolerance, const std::vector<size_t> &dynamic = {}) {
  std::vector<std::string> names, types;
  std::string casts;
  for (size_t i = 0; i <= inputs.size(); ++i) {
    bool isResult = i == inputs.size();
    names.push_back(isResult ? "%o" : "%i" + std::to_string(i));
    types.push_back((isResult ? output : inputs[i]).getType());
  }
  for (size_t i : dynamic) {
    std::string type = makeDynamic(types[i]), name = "%d" + std::to_string(i);
    casts += name + " = memref.cast " + names[i] + " : " + types[i] + " to " +
             type + "\n";
    names[i] = name;
    types[i] = type;
  }
  std::string op = casts + text(names, types);
  return {op,
          "",
          op,
          std::move(inputs),
          std::move(output),
          std::move(expected),
          tolerance,
          ""};
}

/// `op` with the family of this name and with the reference.
static void addCases(std::vector<Case> &cases, Case test, std::string family) {
  for (std::string name : {family, "reference_" + family}) {
    test.family = name;
    cases.push_back(test);
  }
}

//===----------------------------------------------------------------------===//
// Changes of quantization
//===----------------------------------------------------------------------===//

/// Any number of rows, of any size; to codes, to reals, and to other codes.
TEST(Convert, RowsCountedAtRunTime) {
  const Format real, fine{0, {}, 0.017f, 117}, coarse{0, {}, 0.034f, 100};
  std::vector<Case> cases;
  for (auto [source, target] :
       {std::pair(real, fine), std::pair(fine, real), std::pair(fine, coarse),
        std::pair(fine, fine), std::pair(real, real)})
    for (std::vector<int64_t> shape :
         std::vector<std::vector<int64_t>>{{1, 1}, {3, 5}, {1, 7, 9}, {4, 16},
                                           {2, 3, 43}, {17, 64}, {5, 65}}) {
      Buffer from(shape, source), to(shape, target);
      from.randomize(unsigned(shape.back()));
      auto text = [from, to](auto &names, auto &types) {
        std::string quants;
        for (auto [name, buffer] :
             {std::pair("input_quant", &from), std::pair("output_quant", &to)})
          if (buffer->format.scale)
            quants += (quants.empty() ? "" : ", ") + std::string(name) + " = " +
                      buffer->getQuant();
        return "mpq.convert ins(" + names[0] + " : " + types[0] + ") outs(" +
               names[1] + " : " + types[1] + ") {" + quants + "}";
      };
      addCases(cases,
               makeCase(
                   text, {from}, to, [=](int64_t i) { return from.get(i); },
                   1e-6f, {0, 1}),
               "convert");
    }
  runOnAllCpus(cases);
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

static float softmax(const Buffer &x, int64_t columns, int64_t index) {
  int64_t start = index / columns * columns;
  double max = -INFINITY, sum = 0;
  for (int64_t c = 0; c < columns; ++c)
    max = std::max<double>(max, x.get(start + c));
  for (int64_t c = 0; c < columns; ++c)
    sum += std::exp(x.get(start + c) - max);
  return float(std::exp(x.get(index) - max) / sum);
}

static const std::vector<int64_t> kColumns = {1, 2, 15, 16, 17, 31, 33, 63, 65};

TEST(Softmax, EdgeShapes) {
  std::vector<Case> cases;
  for (int64_t columns : kColumns)
    for (std::vector<int64_t> shape :
         {std::vector<int64_t>{columns}, {3, columns}, {2, 2, columns}}) {
      Buffer x = makeBuffer(shape, columns);
      x.set(0, x.get(0) * 40);
      auto text = [](auto &names, auto &types) {
        return "mpq.softmax ins(" + names[0] + " : " + types[0] + ") outs(" +
               names[1] + " : " + types[1] + ")";
      };
      for (const std::vector<size_t> &dynamic : {std::vector<size_t>{}, {0, 1}})
        addCases(cases,
                 makeCase(
                     text, {x}, Buffer(shape, {}),
                     [=](int64_t i) { return softmax(x, columns, i); }, 1e-6f,
                     dynamic),
                 "softmax");
    }
  runOnAllCpus(cases);
}

/// Masked elements are exactly zero; a row of nothing else is no number.
TEST(Softmax, Infinities) {
  Buffer x = makeBuffer({3, 20}, 1);
  for (int64_t i = 0; i < 20; ++i) {
    x.set(i, i % 3 ? -INFINITY : x.get(i));
    x.set(20 + i, i % 2 ? -1e9f : x.get(20 + i));
    x.set(40 + i, -INFINITY);
  }
  auto expected = [=](int64_t i) { return i >= 40 ? NAN : softmax(x, 20, i); };
  std::vector<Case> cases;
  addCases(cases,
           {"masked softmax",
            "",
            "mpq.softmax $ins $outs",
            {x},
            Buffer({3, 20}, {}),
            expected,
            1e-6f,
            ""},
           "softmax");
  runOnAllCpus(cases);
}

//===----------------------------------------------------------------------===//
// Normalization
//===----------------------------------------------------------------------===//

TEST(Normalize, EdgeShapes) {
  std::vector<Case> cases;
  for (int64_t columns : {1, 15, 16, 17, 63, 64, 65, 130, 512})
    for (bool centered : {false, true})
      for (int parameters : {0, 1, 2}) {
        std::vector<int64_t> shape = {1, 3, columns};
        Buffer x = makeBuffer(shape, columns), scale = makeBuffer({columns}, 2),
               bias = makeBuffer({columns}, 3);
        auto expected = [=](int64_t i) {
          int64_t start = i / columns * columns;
          double mean = 0, variance = 0;
          for (int64_t c = 0; centered && c < columns; ++c)
            mean += x.get(start + c) / double(columns);
          for (int64_t c = 0; c < columns; ++c)
            variance += std::pow(x.get(start + c) - mean, 2) / columns;
          double y = (x.get(i) - mean) / std::sqrt(variance + 1e-3);
          if (parameters >= 1)
            y *= scale.get(i % columns);
          if (parameters >= 2)
            y += bias.get(i % columns);
          return float(y);
        };
        std::vector<Buffer> inputs = {x};
        if (parameters >= 1)
          inputs.push_back(scale);
        if (parameters >= 2)
          inputs.push_back(bias);
        auto text = [=](auto &names, auto &types) {
          std::string op =
              "mpq.normalize ins(" + names[0] + " : " + types[0] + ")";
          if (parameters >= 1)
            op += " scale(" + names[1] + " : " + types[1] + ")";
          if (parameters >= 2)
            op += " bias(" + names[2] + " : " + types[2] + ")";
          return op + " outs(" + names.back() + " : " + types.back() +
                 ") {epsilon = 1.0e-03 : f32" +
                 (centered ? ", centered}" : "}");
        };
        std::vector<size_t> rows = {0, inputs.size()};
        for (const std::vector<size_t> &dynamic : {std::vector<size_t>{}, rows})
          addCases(cases,
                   makeCase(text, inputs, Buffer(shape, {}), expected, 3e-6f,
                            dynamic),
                   "normalize");
      }
  runOnAllCpus(cases);
}

//===----------------------------------------------------------------------===//
// Rotary embedding
//===----------------------------------------------------------------------===//

TEST(Rotary, EdgeShapes) {
  std::vector<Case> cases;
  for (int64_t half : {1, 4, 15, 16, 17, 64})
    for (int64_t rows : {1, 5}) {
      int64_t heads = 3, offset = 2, pitch = offset + heads * 2 * half + 1;
      Buffer x = makeBuffer({2, rows, pitch}, 1);
      Buffer cos = makeBuffer({rows + 1, half}, 2);
      Buffer sin = makeBuffer({rows + 1, half}, 3);
      auto expected = [=](int64_t i) {
        int64_t d = i % (2 * half), head = i / (2 * half) % heads;
        int64_t row = i / (2 * half) / heads;
        int64_t start = row * pitch + offset + head * 2 * half;
        int64_t factor = row % rows * half + d % half;
        double other =
            d < half ? -x.get(start + d + half) : x.get(start + d - half);
        return float(x.get(start + d) * double(cos.get(factor)) +
                     other * sin.get(factor));
      };
      auto text = [](auto &names, auto &types) {
        return "mpq.rotary ins(" + names[0] + ", " + names[1] + ", " +
               names[2] + " : " + types[0] + ", " + types[1] + ", " + types[2] +
               ") outs(" + names[3] + " : " + types[3] +
               ") {heads = 3 : i64, offset = 2 : i64}";
      };
      for (const std::vector<size_t> &dynamic :
           {std::vector<size_t>{}, {0, 3}, {0, 1, 2, 3}})
        addCases(cases,
                 makeCase(text, {x, cos, sin},
                          Buffer({2, rows, heads * 2 * half}, {}), expected,
                          1e-6f, dynamic),
                 "rotary");
    }
  runOnAllCpus(cases);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
struct Heads {
  int64_t batches = 1, queries, keys, heads, kvHeads, size, valueSize;
  bool causal = false;
  /// Of the mask: empty for none.
  std::vector<int64_t> mask;
};
} // namespace

/// Queries, keys and values lie in one row each, a few elements from its start.
static Case makeAttention(const Heads &h, bool isDynamic = false,
                          const Buffer *given = nullptr) {
  int64_t qPitch = h.heads * h.size + 3, kPitch = h.kvHeads * h.size + 1;
  int64_t vPitch = h.kvHeads * h.valueSize + 2;
  Buffer q = given ? *given : makeBuffer({h.batches, h.queries, qPitch}, 1);
  Buffer k = makeBuffer({h.batches, h.keys, kPitch}, 2);
  Buffer v = makeBuffer({h.batches, h.keys, vPitch}, 3);
  std::vector<Buffer> inputs = {q, k, v};
  Buffer mask =
      makeBuffer(h.mask.empty() ? std::vector<int64_t>{1} : h.mask, 4);
  for (int64_t i = 0; i < mask.getCount(); i += 3)
    mask.set(i, -1e9f);
  auto maskAt = [=](int64_t head, int64_t s, int64_t t) {
    if (h.mask.empty())
      return 0.f;
    std::vector<int64_t> shape(4 - h.mask.size(), 1);
    shape.insert(shape.end(), h.mask.begin(), h.mask.end());
    int64_t row = shape[2] == 1 ? 0 : s, plane = shape[1] == 1 ? 0 : head;
    return mask.get((plane * shape[2] + row) * shape[3] + t);
  };
  float scale = 1 / std::sqrt(float(h.size));
  auto expected = [=](int64_t i) {
    int64_t d = i % h.valueSize, head = i / h.valueSize % h.heads;
    int64_t row = i / h.valueSize / h.heads, s = row % h.queries;
    int64_t batch = row / h.queries, kv = head / (h.heads / h.kvHeads);
    int64_t end = h.causal ? std::min(s + 1, h.keys) : h.keys;
    std::vector<double> scores;
    double max = -INFINITY, sum = 0, y = 0;
    for (int64_t t = 0; t < end; ++t) {
      double dot = 0;
      for (int64_t e = 0; e < h.size; ++e)
        dot += double(q.get(row * qPitch + 2 + head * h.size + e)) *
               k.get((batch * h.keys + t) * kPitch + 1 + kv * h.size + e);
      scores.push_back(dot * scale + maskAt(head, s, t));
      max = std::max(max, scores.back());
    }
    for (int64_t t = 0; t < end; ++t) {
      double weight = std::exp(scores[t] - max);
      sum += weight;
      y += weight * v.get((batch * h.keys + t) * vPitch + kv * h.valueSize + d);
    }
    return float(y / sum);
  };
  if (!h.mask.empty())
    inputs.push_back(mask);
  auto text = [=](auto &names, auto &types) {
    std::string op = "mpq.attention ins(" + names[0] + ", " + names[1] + ", " +
                     names[2] + " : " + types[0] + ", " + types[1] + ", " +
                     types[2] + ")";
    if (!h.mask.empty())
      op += " mask(" + names[3] + " : " + types[3] + ")";
    op += " outs(" + names.back() + " : " + types.back() +
          ") {heads = " + std::to_string(h.heads) +
          " : i64, kv_heads = " + std::to_string(h.kvHeads) +
          " : i64, head_size = " + std::to_string(h.size) +
          " : i64, value_size = " + std::to_string(h.valueSize) +
          " : i64, scale = " + std::to_string(scale) +
          " : f32, offsets = array<i64: 2, 1, 0>";
    return op + (h.causal ? ", causal}" : "}");
  };
  std::vector<size_t> dynamic;
  if (isDynamic)
    dynamic = {0, 1, 2, inputs.size()};
  Buffer result({h.batches, h.queries, h.heads * h.valueSize}, {});
  return makeCase(text, inputs, result, expected, 2e-5f, dynamic);
}

static const std::vector<Heads> kHeads = {
    {1, 1, 1, 1, 1, 1, 1},
    {1, 2, 2, 2, 1, 8, 8},
    {1, 17, 17, 3, 3, 16, 16},
    {2, 31, 31, 4, 2, 8, 8, true},
    {1, 33, 33, 2, 2, 15, 17, true},
    {1, 5, 40, 2, 2, 64, 64},
    {1, 16, 16, 1, 1, 65, 63},
    {1, 33, 1, 1, 1, 4, 130},
    {1, 7, 200, 2, 1, 16, 20},
    {1, 150, 150, 1, 1, 8, 16, true},
    {1, 7, 9, 2, 2, 8, 8, false, {9}},
    {1, 18, 17, 2, 2, 8, 8, false, {18, 17}},
    {1, 3, 130, 2, 2, 8, 8, false, {1, 2, 3, 130}},
    {1, 4, 131, 2, 2, 8, 8, false, {1, 1, 1, 131}},
    {1, 20, 20, 2, 2, 8, 8, true, {2, 1, 20}}};

static void checkAttention(bool isDynamic) {
  std::vector<Case> cases;
  for (const Heads &heads : kHeads)
    addCases(cases, makeAttention(heads, isDynamic), "attention");
  runOnAllCpus(cases);
}

TEST(Attention, StaticShapes) { checkAttention(/*isDynamic=*/false); }
TEST(Attention, DynamicShapes) { checkAttention(/*isDynamic=*/true); }

/// The mean of the values where everything is masked.
TEST(Attention, MaskedThroughout) {
  Heads heads{1, 3, 5, 1, 1, 4, 4, false, {5}};
  for (float low : {-1e9f, -3.4028235e38f}) {
    Case test = makeAttention(heads);
    for (int64_t t = 0; t < 5; ++t)
      test.inputs[3].set(t, low);
    Buffer v = test.inputs[2];
    test.expected = [=](int64_t i) {
      float sum = 0;
      for (int64_t t = 0; t < 5; ++t)
        sum += v.get(t * 6 + i % 4);
      return sum / 5;
    };
    test.family = "attention";
    // -1e9 leaves some of the scores' bits.
    test.tolerance = 1e-3f;
    runOnAllCpus({test});
  }
}

/// One query at a time gives the same bits as all of them at once.
TEST(Attention, RowsAreIndependent) {
  for (const std::string &cpu : getTestedCpus())
    for (bool isDynamic : {false, true}) {
      Heads all{1, 37, isDynamic ? 300 : 20, 2, 1, 24, 40};
      std::vector<Case> cases = {makeAttention(all, isDynamic)};
      Heads one = all;
      one.queries = 1;
      for (int64_t s : {0, 15, 16, 31, 32, 36}) {
        Buffer query({1, 1, 2 * 24 + 3}, {});
        for (int64_t i = 0; i < query.getCount(); ++i)
          query.set(i, cases[0].inputs[0].get(s * query.getCount() + i));
        cases.push_back(makeAttention(one, isDynamic, &query));
      }
      for (Case &test : cases)
        test.family = "attention";
      runCases(cases, cpu);
      size_t number = 1;
      for (int64_t s : {0, 15, 16, 31, 32, 36}) {
        for (int64_t i = 0; i < 80; ++i)
          EXPECT_EQ(cases[number].output.get(i),
                    cases[0].output.get(s * 80 + i))
              << "element " << i << " of query " << s << " on " << cpu;
        ++number;
      }
    }
}
