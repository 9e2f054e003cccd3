//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention against plain C++ in double precision, in floats and in integers;
// and that nothing about a query depends on the others.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mpq::test;

namespace {
struct Heads {
  int64_t batches = 1, queries, keys, heads, kvHeads, size, valueSize;
  bool causal = false;
  /// Of the mask: empty for none.
  std::vector<int64_t> mask;
  /// In integers.
  bool quantized = false;
};
} // namespace

/// Of results of values in [-2, 2] with codes of 8 bits.
static constexpr float kIntegerTolerance = 0.05f;

/// Queries, keys and values lie in one row each, a few elements from its start.
static Case makeAttention(const Heads &h, bool isDynamic = false,
                          const Buffer *given = nullptr, Format format = {}) {
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
  Buffer result({h.batches, h.queries, h.heads * h.valueSize}, format);
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
    if (h.quantized)
      op += ", operand_quant = #mpq.uniform<dynamic>";
    if (format.scale)
      op += ", output_quant = " + result.getQuant();
    return op + (h.causal ? ", causal}" : "}");
  };
  std::vector<size_t> dynamic;
  if (isDynamic)
    dynamic = {0, 1, 2, inputs.size()};
  return makeCase(text, inputs, result, expected,
                  h.quantized ? kIntegerTolerance : 2e-5f, dynamic);
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

static void checkAttentionCodes(bool quantized, const std::string &family,
                                const std::vector<std::string> &cpus) {
  // Of one block and of several, with features that fill no vector.
  std::vector<Case> reals, codes;
  for (Heads heads : std::vector<Heads>{{1, 18, 17, 2, 1, 8, 8, true},
                                        {1, 7, 200, 1, 1, 16, 20}}) {
    bool isDynamic = heads.keys == 200;
    heads.quantized = quantized;
    reals.push_back(makeAttention(heads, isDynamic));
    codes.push_back(
        makeAttention(heads, isDynamic, nullptr, {0, {}, 0.017f, 117}));
    reals.back().family = codes.back().family = family;
  }
  checkCodes(reals, codes, cpus);
}

TEST(Attention, Codes) {
  checkAttentionCodes(false, "attention", getTestedCpus());
  checkAttentionCodes(false, "reference_attention", {"x86-64-v2"});
}

/// The mean of the values, where everything is masked with `low`.
static Case makeMasked(const Heads &heads, float low) {
  Case test = makeAttention(heads);
  for (int64_t t = 0; t < heads.keys; ++t)
    test.inputs[3].set(t, low);
  Buffer v = test.inputs[2];
  int64_t keys = heads.keys;
  test.expected = [=](int64_t i) {
    float sum = 0;
    for (int64_t t = 0; t < keys; ++t)
      sum += v.get(t * 6 + i % 4);
    return sum / keys;
  };
  return test;
}

TEST(Attention, MaskedThroughout) {
  Heads heads{1, 3, 5, 1, 1, 4, 4, false, {5}};
  for (float low : {-1e9f, -3.4028235e38f}) {
    Case test = makeMasked(heads, low);
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

//===----------------------------------------------------------------------===//
// In integers
//===----------------------------------------------------------------------===//

/// With one vector of every kind of sum: none, AVX2, VNNI on ymm and on zmm.
static std::vector<std::string> getIntegerCpus() {
  std::vector<std::string> cpus = getTestedCpus();
  if (cpus.back() == "native")
    cpus.push_back("native/256");
  return cpus;
}

static void expectEqual(const Case &test, const Case &expected,
                        const std::string &cpu) {
  for (int64_t i = 0; i < test.output.getCount(); ++i)
    ASSERT_EQ(test.output.get(i), expected.output.get(i))
        << "element " << i << " of " << test.name << " on " << cpu;
}

/// Near the result in double precision, and to the bit what the reference
/// computes, on every CPU.
static void checkIntegers(std::vector<Case> cases) {
  for (Case &test : cases)
    test.family = "reference_attention";
  std::vector<Case> expected = cases;
  runCases(expected, "native");
  for (Case &test : cases)
    test.family = "attention_int8";
  for (const std::string &cpu : getIntegerCpus()) {
    runCases(cases, cpu);
    for (size_t i = 0; i < cases.size(); ++i)
      expectEqual(cases[i], expected[i], cpu);
  }
}

static void checkIntegerAttention(bool isDynamic) {
  // Heads that fill no step, blocks and chunks of one key or query more, groups
  // of heads, masks of all kinds.
  const std::vector<Heads> fixed = {
      {1, 1, 1, 1, 1, 1, 1},
      {2, 31, 31, 4, 2, 8, 8, true},
      {1, 16, 16, 1, 1, 65, 63},
      {1, 33, 1, 1, 1, 4, 130},
      {1, 130, 129, 1, 1, 5, 4, true},
      {1, 3, 257, 2, 1, 33, 20},
      {1, 7, 9, 2, 2, 8, 8, false, {9}},
      {2, 5, 6, 2, 1, 3, 3, false, {5, 6}},
      {1, 20, 20, 2, 2, 8, 8, true, {2, 1, 20}}};
  // With loops for all sizes there is more code in each.
  const std::vector<Heads> dynamic = {
      {2, 33, 31, 4, 2, 8, 8, true},
      {1, 130, 257, 1, 1, 5, 20, true},
      {1, 3, 130, 2, 2, 3, 9, false, {1, 2, 3, 130}},
      {1, 4, 131, 2, 2, 8, 8, false, {1, 1, 1, 131}}};
  std::vector<Case> cases;
  for (Heads heads : isDynamic ? dynamic : fixed) {
    heads.quantized = true;
    cases.push_back(makeAttention(heads, isDynamic));
  }
  checkIntegers(cases);
}

TEST(IntegerAttention, StaticShapes) { checkIntegerAttention(false); }
TEST(IntegerAttention, DynamicShapes) { checkIntegerAttention(true); }

TEST(IntegerAttention, Codes) {
  checkAttentionCodes(true, "attention_int8", getIntegerCpus());
  checkAttentionCodes(true, "reference_attention", {"x86-64-v2"});
}

/// Rows of zeros, of values that are no normal numbers, and of very different
/// sizes; keys of which one outweighs all others.
TEST(IntegerAttention, Extremes) {
  Heads heads{1, 5, 9, 1, 1, 8, 8};
  heads.quantized = true;
  std::vector<Case> cases;
  for (int operand : {0, 1, 2})
    for (float factor : {0.f, 1e-41f, 64.f}) {
      Case test = makeAttention(heads);
      Buffer &rows = test.inputs[operand];
      for (int64_t i = 0; i < rows.getCount(); ++i)
        if (factor == 64.f ? i % 3 == 0 : i >= rows.getCount() / 3)
          rows.set(i, rows.get(i) * factor);
      // What is expected is computed of the old operands; the reference tells.
      test.expected = [](int64_t) { return 0.f; };
      test.tolerance = 1e3f;
      cases.push_back(test);
    }
  checkIntegers(cases);
}

/// Within half a code of the largest value.
TEST(IntegerAttention, MaskedThroughout) {
  Heads heads{1, 3, 5, 1, 1, 4, 4, false, {5}};
  heads.quantized = true;
  std::vector<Case> cases;
  for (float low : {-1e9f, -3.4028235e38f, -INFINITY}) {
    Case test = makeMasked(heads, low);
    test.tolerance = 0.02f;
    cases.push_back(test);
  }
  checkIntegers(cases);
}

/// A key that a query does not look at changes no bit of its result.
TEST(IntegerAttention, LaterKeysDoNotMatter) {
  Heads heads{1, 40, 40, 1, 1, 16, 16, true};
  heads.quantized = true;
  for (const std::string &cpu : getIntegerCpus()) {
    std::vector<Case> cases(2, makeAttention(heads));
    for (int operand : {1, 2}) {
      Buffer &rows = cases[1].inputs[operand];
      for (int64_t i = rows.getCount() / 2; i < rows.getCount(); ++i)
        rows.set(i, rows.get(i) * 50 + 1);
    }
    for (Case &test : cases) {
      test.family = "attention_int8";
      test.tolerance = 1e3f;
    }
    runCases(cases, cpu);
    for (int64_t i = 0; i < 20 * 16; ++i)
      ASSERT_EQ(cases[0].output.get(i), cases[1].output.get(i))
          << "element " << i << " on " << cpu;
  }
}

/// One query at a time gives the same bits as all of them at once.
TEST(IntegerAttention, RowsAreIndependent) {
  for (const std::string &cpu : getIntegerCpus())
    for (bool isDynamic : {false, true}) {
      Heads all{1, 37, isDynamic ? 300 : 20, 2, 1, 24, 20};
      all.quantized = true;
      std::vector<Case> cases = {makeAttention(all, isDynamic)};
      Heads one = all;
      one.queries = 1;
      const std::vector<int64_t> queries = {0, 15, 36};
      for (int64_t s : queries) {
        Buffer query({1, 1, 2 * 24 + 3}, {});
        for (int64_t i = 0; i < query.getCount(); ++i)
          query.set(i, cases[0].inputs[0].get(s * query.getCount() + i));
        cases.push_back(makeAttention(one, isDynamic, &query));
      }
      for (Case &test : cases)
        test.family = "attention_int8";
      runCases(cases, cpu);
      for (size_t number = 0; number < queries.size(); ++number)
        for (int64_t i = 0; i < 40; ++i)
          ASSERT_EQ(cases[number + 1].output.get(i),
                    cases[0].output.get(queries[number] * 40 + i))
              << "element " << i << " of query " << queries[number] << " on "
              << cpu;
    }
}
