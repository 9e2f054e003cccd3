//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the VNNI families leave to others, and the reasons that they give.
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

using namespace mpq;
using namespace mpq::test;

static std::string getReason(const char *family, const Problem &problem,
                             const char *cpu = "sapphirerapids") {
  Compiler compiler(cpu);
  auto compiled = compiler.compile(family, {problem});
  return compiled ? compiled->front().rejection
                  : llvm::toString(compiled.takeError());
}

TEST(Rejection, Target) {
  EXPECT_EQ(getReason("conv_vnni", makeConv("", 16, 4, 4, 16, 3, 1), "haswell"),
            "the target lacks avx512vnni");
  EXPECT_EQ(getReason("matmul_vnni", makeMatmul("", 2, 16, 16), "x86-64-v4"),
            "the target lacks avx512vnni");
}

TEST(Rejection, FloatInput) {
  Problem p = makeConv("", 16, 4, 4, 16, 3, 1);
  p.input = {};
  EXPECT_EQ(getReason("conv_vnni", p), "the input is f32");
}

TEST(Rejection, Weights) {
  Problem p = makeConv("", 16, 4, 4, 16, 3, 1);
  p.format = "";
  EXPECT_EQ(getReason("conv_vnni", p), "the weight is f32, not integer levels");
  p.format = "int8:asym";
  EXPECT_EQ(getReason("conv_vnni", p),
            "the levels of int8:asym are -255 to 255, beyond 8 bits");
  p.format = "int4:g32";
  EXPECT_EQ(getReason("conv_vnni", p),
            "int4:g32 has a scale for every 32 of 144 weights of a row");
  Problem m = makeMatmul("", 2, 16, 64);
  m.format = "int4:g6";
  EXPECT_EQ(getReason("matmul_vnni", m),
            "int4:g6 has a scale for every 6 weights, no multiple of 4");
}

TEST(Rejection, Packed) {
  Problem p = makeMatmul("", 2, 16, 64);
  EXPECT_EQ(getReason("matmul_packed", p), "");
  p.format = "int8:asym"; // the zero point is stored beside the codes
  EXPECT_EQ(getReason("matmul_packed", p), "");
  p.format = "";
  EXPECT_EQ(getReason("matmul_packed", p), "the weight is f32, not codes");
  p = makeMatmul("", 1, 1, 70000);
  EXPECT_EQ(getReason("matmul_packed", p),
            "sums of 70000 products of u8 and int8 overflow 32 bits");
  p.format = "int8:g128";
  EXPECT_EQ(getReason("matmul_packed", p), "");
  p.input = {};
  EXPECT_EQ(getReason("matmul_packed", p), "the input is f32");
}

TEST(Rejection, LongSums) {
  Problem p = makeMatmul("", 1, 1, 40000);
  EXPECT_EQ(getReason("matmul_vnni", p),
            "sums of 40000 products of u8 and int8 overflow 32 bits");
  p.format = "int4";
  EXPECT_EQ(getReason("matmul_vnni", p), "");
}

TEST(Rejection, ScratchOfDynamicInput) {
  Problem p = makeConv("", 64, 1, 5000, 16, 1, 0);
  p.input = {0, 0, true};
  EXPECT_EQ(getReason("conv_vnni", p),
            "quantizing the rows that a tile reads takes 320000 bytes of "
            "stack, more than 262144");
}
