//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The shapes that the tests of conv and matmul share.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_KERNEL_INTEGER_SHAPES_H
#define MPQ_TEST_KERNEL_INTEGER_SHAPES_H

#include "Compiled.h"

#include "gtest/gtest.h"

namespace mpq::test {

inline Problem makeConv(const std::string &name, int64_t ic, int64_t h,
                        int64_t w, int64_t oc, int64_t kernel, int64_t pad,
                        int64_t stride = 1, int64_t dilation = 1) {
  Problem p;
  p.name = name;
  p.ic = ic, p.h = h, p.w = w, p.oc = oc, p.kh = p.kw = kernel;
  p.pads = {pad, pad, pad, pad};
  p.strides = {stride, stride};
  p.dilations = {dilation, dilation};
  return p;
}

inline Problem makeMatmul(const std::string &name, int64_t m, int64_t n,
                          int64_t k) {
  Problem p;
  p.name = name;
  p.isMatmul = true;
  p.n = m, p.oc = n, p.ic = k;
  return p;
}

/// Channels around the block, widths around every tile, strides, dilation,
/// kernels with holes in their cover, pads of four kinds.
inline std::vector<Problem> getConvShapes() {
  std::vector<Problem> shapes;
  for (int64_t channels : {1, 3, 4, 5, 15, 16, 17, 20, 48})
    shapes.push_back(
        makeConv("in" + std::to_string(channels), channels, 5, 6, 16, 3, 1));
  for (int64_t channels : {1, 3, 15, 17, 20, 33, 48, 64})
    shapes.push_back(
        makeConv("out" + std::to_string(channels), 16, 4, 5, channels, 3, 1));
  for (int64_t width : {1, 2, 7, 8, 9, 15, 16, 17, 25, 33})
    shapes.push_back(
        makeConv("width" + std::to_string(width), 8, 3, width, 16, 3, 1));
  shapes.push_back(makeConv("stride2", 16, 8, 9, 32, 3, 1, 2));
  shapes.push_back(makeConv("stride3", 4, 10, 11, 16, 2, 0, 3));
  shapes.push_back(makeConv("dilation2", 16, 9, 12, 16, 3, 2, 1, 2));
  shapes.push_back(makeConv("stride2dilation3", 5, 14, 13, 20, 3, 3, 2, 3));
  shapes.push_back(makeConv("one", 32, 7, 7, 64, 1, 0));
  shapes.push_back(makeConv("one-stride2", 32, 8, 8, 32, 1, 0, 2));
  shapes.push_back(makeConv("point", 64, 1, 1, 40, 1, 0));
  shapes.push_back(makeConv("seven", 3, 17, 18, 16, 7, 3, 2));
  shapes.push_back(makeConv("eleven", 2, 12, 13, 18, 11, 5));
  Problem p = makeConv("asymmetric", 16, 6, 7, 24, 3, 0);
  p.pads = {0, 2, 1, 0};
  shapes.push_back(p);
  p.name = "wide-kernel";
  p.kh = 1, p.kw = 5, p.pads = {0, 2, 0, 2};
  shapes.push_back(p);
  p.name = "tall-kernel";
  p.kh = 5, p.kw = 1, p.pads = {2, 0, 2, 0};
  shapes.push_back(p);
  p = makeConv("batch", 20, 4, 5, 18, 3, 1);
  p.n = 3;
  shapes.push_back(p);
  return shapes;
}

/// Rows and columns around the tile, K around the step and the vector.
inline std::vector<Problem> getMatmulShapes() {
  std::vector<Problem> shapes;
  auto add = [&](int64_t m, int64_t n, int64_t k) {
    shapes.push_back(makeMatmul("m" + std::to_string(m) + "n" +
                                    std::to_string(n) + "k" + std::to_string(k),
                                m, n, k));
  };
  for (int64_t m : {1, 2, 5, 8, 9, 17})
    add(m, 33, 36);
  for (int64_t n : {1, 10, 15, 16, 17, 31, 64, 80, 100})
    add(3, n, 20);
  for (int64_t k : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 200})
    add(3, 20, k);
  add(1, 128, 256);
  add(65, 96, 48);
  return shapes;
}

/// Runs all problems, twice, and checks their results. All must be accepted.
inline void checkAll(llvm::StringRef family,
                     const std::vector<Problem> &problems, double tolerance,
                     const std::string &cpu = "native") {
  Compiler compiler(cpu);
  auto compiled = compiler.compile(family, problems);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  for (CompiledProblem &c : *compiled) {
    ASSERT_EQ(c.rejection, "") << c.problem.name;
    for (int time = 0; time < 2; ++time) {
      c.run();
      EXPECT_EQ(c.check(tolerance), "")
          << c.problem.name << " " << c.problem.format << " on " << cpu;
    }
  }
}

} // namespace mpq::test

#endif // MPQ_TEST_KERNEL_INTEGER_SHAPES_H
