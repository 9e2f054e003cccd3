//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The reference families against the definition: any layout, group count and
// quantization. They sum in f32 in the order of the weight.
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

using namespace mpq;
using namespace mpq::test;

static constexpr double kSequentialF32 = 1e-5;

TEST(ReferenceConv, AllShapesInF32) {
  std::vector<Problem> problems = getConvShapes();
  for (Problem &p : problems) {
    p.input = {};
    p.format = "";
  }
  checkAll("reference_conv", problems, kSequentialF32);
}

TEST(ReferenceConv, CodesInBlockedLayouts) {
  std::vector<Problem> problems = getConvShapes();
  int64_t blocks[] = {16, 4, 8, 1};
  for (size_t i = 0; i < problems.size(); ++i) {
    Problem &p = problems[i];
    p.block = blocks[i % 4];
    p.extraBorder = {int64_t(i % 2), int64_t(i % 3), 1, 2};
    p.output = {0.11, int(i % 2) * 100};
    p.hasResidual = i % 3 != 0;
    if (i % 3 == 2)
      p.residual = {0.05, 30};
    p.clampMin = i % 4 ? 0 : -0.5;
  }
  checkAll("reference_conv", problems, kSequentialF32);
}

TEST(ReferenceConv, Groups) {
  std::vector<Problem> problems;
  for (int64_t groups : {2, 3, 24}) {
    Problem p =
        makeConv("groups" + std::to_string(groups), 24, 6, 5, 48, 3, 1, 2);
    p.groups = groups;
    p.format = groups == 3 ? "int4:g6:asym" : "int8";
    problems.push_back(p);
  }
  checkAll("reference_conv", problems, kSequentialF32);
}

TEST(ReferenceConv, DynamicInput) {
  Problem p = makeConv("dynamic", 17, 6, 5, 20, 3, 1);
  p.n = 2;
  p.input = {0, 0, true};
  checkAll("reference_conv", {p}, kSequentialF32);
}

TEST(ReferenceMatmul, AllShapes) {
  std::vector<Problem> problems = getMatmulShapes();
  for (size_t i = 0; i < problems.size(); ++i) {
    Problem &p = problems[i];
    const char *formats[] = {"", "int8", "int4:g32", "int3:asym",
                             "int2:tensor"};
    p.format = formats[i % 5];
    p.input = i % 3 == 0   ? Quant{}
              : i % 3 == 1 ? Quant{0.03, 90}
                           : Quant{0, 0, true};
    p.hasResidual = i % 2;
    p.residual = i % 4 == 1 ? Quant{0.02, 5} : Quant{};
    p.output = i % 7 < 3 ? Quant{0.2, 128} : Quant{};
    p.clampMax = i % 5 == 0 ? 1.0 : p.clampMax;
  }
  checkAll("reference_matmul", problems, kSequentialF32);
}

/// A CPU of 128-bit vectors computes the same.
TEST(Reference, SmallCpu) {
  Problem conv = makeConv("conv", 5, 6, 7, 18, 3, 1),
          matmul = makeMatmul("matmul", 3, 20, 35);
  conv.output = {0.1, 3};
  checkAll("reference_conv", {conv}, kSequentialF32, "x86-64-v2");
  checkAll("reference_matmul", {matmul}, kSequentialF32, "x86-64-v2");
}

/// These tests would notice: every wrong byte of the destination, border and
/// what lies before the buffer included, is reported.
TEST(Checker, NoticesEveryByte) {
  Problem p = makeConv("corrupted", 4, 3, 4, 16, 3, 1);
  p.block = 16;
  p.extraBorder = {1, 1, 1, 1};
  p.output = {0.1, 9};
  p.clampMin = 0;
  Compiler compiler;
  auto compiled = compiler.compile("reference_conv", {p});
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  CompiledProblem &c = compiled->front();
  for (int64_t byte = -1; byte < c.destinationBytes(); ++byte) {
    c.run();
    ASSERT_EQ(c.check(kSequentialF32), "");
    c.corrupt(byte);
    EXPECT_NE(c.check(kSequentialF32), "") << "byte " << byte;
    c.restore(byte);
  }
}
