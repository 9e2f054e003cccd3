//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax, normalization and rotary embedding against plain C++ in double
// precision.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

using namespace mpq::test;

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

/// Rows with `parameters` of scale and bias; the result is stored as `format`.
static Case makeNormalize(int64_t columns, bool centered, int parameters,
                          bool isDynamic, Format format = {}) {
  std::vector<int64_t> shape = {1, 3, columns};
  Buffer x = makeBuffer(shape, columns), scale = makeBuffer({columns}, 2),
         bias = makeBuffer({columns}, 3), result(shape, format);
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
    std::string op = "mpq.normalize ins(" + names[0] + " : " + types[0] + ")";
    if (parameters >= 1)
      op += " scale(" + names[1] + " : " + types[1] + ")";
    if (parameters >= 2)
      op += " bias(" + names[2] + " : " + types[2] + ")";
    op += " outs(" + names.back() + " : " + types.back() +
          ") {epsilon = 1.0e-03 : f32";
    if (format.scale)
      op += ", output_quant = " + result.getQuant();
    return op + (centered ? ", centered}" : "}");
  };
  std::vector<size_t> dynamic;
  if (isDynamic)
    dynamic = {0, inputs.size()};
  return makeCase(text, inputs, result, expected, 3e-6f, dynamic);
}

TEST(Normalize, EdgeShapes) {
  std::vector<Case> cases;
  for (int64_t columns : {1, 15, 16, 17, 63, 64, 65, 130, 512})
    for (bool centered : {false, true})
      for (int parameters : {0, 1, 2})
        for (bool isDynamic : {false, true})
          addCases(cases,
                   makeNormalize(columns, centered, parameters, isDynamic),
                   "normalize");
  runOnAllCpus(cases);
}

TEST(Normalize, Codes) {
  std::vector<Case> reals, codes;
  for (int64_t columns : {1, 15, 65, 130, 512})
    for (int parameters : {0, 2}) {
      bool isDynamic = columns > 65;
      addCases(reals, makeNormalize(columns, true, parameters, isDynamic),
               "normalize");
      addCases(codes,
               makeNormalize(columns, true, parameters, isDynamic,
                             {0, {}, 0.017f, 117}),
               "normalize");
    }
  checkCodes(reals, codes, getTestedCpus());
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
