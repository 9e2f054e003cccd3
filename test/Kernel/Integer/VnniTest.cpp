//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The VNNI families against the definition. Their sums are exact integers, so
// what remains is the rounding of the epilogue's f32 arithmetic.
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

#include "mpq/Target/CPU.h"

using namespace mpq;
using namespace mpq::test;

static constexpr double kEpilogue = 5e-7;

/// Skips on machines without the instruction.
class Vnni : public testing::Test {
protected:
  void SetUp() override {
    if (!llvm::cantFail(mpq::getTarget("native")).has("avx512vnni"))
      GTEST_SKIP() << "this machine has no avx512vnni";
  }
};
class ConvVnni : public Vnni {};
class MatmulVnni : public Vnni {};

/// Results are f32 unless the test says otherwise.
TEST_F(ConvVnni, AllShapes) {
  checkAll("conv_vnni", getConvShapes(), kEpilogue);
}

/// Codes out, with every kind of residual, zero point and clamp.
TEST_F(ConvVnni, Epilogues) {
  std::vector<Problem> problems;
  Problem p = makeConv("", 20, 6, 9, 36, 3, 1);
  for (Quant output : {Quant{}, Quant{0.1, 0}, Quant{0.1, 1}, Quant{0.07, 128},
                       Quant{0.2, 255}})
    for (int residual : {0, 1, 2})
      for (double clampMin : {double(-INFINITY), 0.0, -0.3}) {
        p.name = "scale " + std::to_string(output.scale) + " zero " +
                 std::to_string(output.zeroPoint) + " residual " +
                 std::to_string(residual) + " min " + std::to_string(clampMin);
        p.output = output;
        p.hasResidual = residual;
        p.residual = residual == 2 ? Quant{0.03, 77} : Quant{};
        p.clampMin = clampMin;
        p.clampMax = clampMin == 0 ? INFINITY : 2.5;
        p.hasBias = residual != 1;
        problems.push_back(p);
      }
  checkAll("conv_vnni", problems, kEpilogue);
}

TEST_F(ConvVnni, AllShapesToCodes) {
  std::vector<Problem> problems = getConvShapes();
  for (size_t i = 0; i < problems.size(); ++i) {
    Problem &p = problems[i];
    p.output = {0.15, int(i * 13 % 256)};
    p.input.zeroPoint = int(i * 37 % 256);
    p.extraBorder = {int64_t(i % 3), int64_t(i % 2), int64_t(i % 2),
                     int64_t(i % 4)};
    p.hasResidual = i % 2;
    p.residual = {0.04, 12};
  }
  checkAll("conv_vnni", problems, kEpilogue);
}

/// Every number of bits, scales per row and per tensor, zero points.
TEST_F(ConvVnni, Formats) {
  std::vector<Problem> problems;
  for (std::string suffix : {"", ":tensor", ":asym", ":f16", ":tensor:asym"})
    for (int bits = 2; bits <= 8; ++bits) {
      if (bits == 8 && suffix.find("asym") != std::string::npos)
        continue; // levels of 9 bits
      Problem p = makeConv("format", 12, 5, 6, 20, 3, 1);
      p.format = "int" + std::to_string(bits) + suffix;
      p.output = {0.1, 17};
      problems.push_back(p);
    }
  checkAll("conv_vnni", problems, kEpilogue);
}

/// Values far beyond what codes hold saturate on the right side.
TEST_F(ConvVnni, Saturation) {
  std::vector<Problem> problems;
  for (double scale : {1e-3, 1e-12}) {
    Problem p = makeConv("saturation", 64, 3, 4, 16, 3, 1);
    p.output = {scale, 100};
    problems.push_back(p);
  }
  checkAll("conv_vnni", problems, kEpilogue);
}

TEST_F(ConvVnni, DynamicInput) {
  std::vector<Problem> problems;
  for (int64_t channels : {2, 16, 21}) {
    Problem p = makeConv("dynamic" + std::to_string(channels), channels, 7, 6,
                         20, 3, 1, 2);
    p.n = 2;
    p.input = {0, 0, true};
    p.output = channels == 16 ? Quant{0.1, 40} : Quant{};
    problems.push_back(p);
  }
  checkAll("conv_vnni", problems, kEpilogue);
}

TEST_F(MatmulVnni, AllShapes) {
  checkAll("matmul_vnni", getMatmulShapes(), kEpilogue);
}

TEST_F(MatmulVnni, Epilogues) {
  std::vector<Problem> problems = getMatmulShapes();
  for (size_t i = 0; i < problems.size(); ++i) {
    Problem &p = problems[i];
    p.output = i % 4 ? Quant{0.15, int(i * 29 % 256)} : Quant{};
    p.input.zeroPoint = int(i * 37 % 256);
    p.hasBias = i % 3;
    p.hasResidual = i % 2;
    p.residual = i % 4 == 1 ? Quant{0.04, 12} : Quant{};
    p.clampMin = i % 5 ? p.clampMin : 0.0;
  }
  checkAll("matmul_vnni", problems, kEpilogue);
}

TEST_F(MatmulVnni, DynamicRows) {
  std::vector<Problem> problems = getMatmulShapes();
  for (size_t i = 0; i < problems.size(); ++i) {
    problems[i].input = {0, 0, true};
    problems[i].output = i % 2 ? Quant{0.2, 50} : Quant{};
  }
  Problem p = makeMatmul("scratch in blocks", 40, 33, 5000);
  p.input = {0, 0, true};
  problems.push_back(p);
  checkAll("matmul_vnni", problems, kEpilogue);
}

/// Groups that divide K and that do not, of all widths, both kinds of input.
TEST_F(MatmulVnni, Groups) {
  std::vector<Problem> problems;
  int index = 0;
  for (int64_t k : {64, 100, 96, 37})
    for (std::string format : {"int4:g32", "int8:g16", "int2:g64:asym",
                               "int3:g28:f16", "int5:g4", "int7:g32:asym"})
      for (int64_t m : {1, 7}) {
        Problem p =
            makeMatmul("k" + std::to_string(k) + "m" + std::to_string(m), m,
                       16 * (index % 5) + 10, k);
        p.format = format;
        if (index++ % 2)
          p.input = {0, 0, true};
        problems.push_back(p);
      }
  checkAll("matmul_vnni", problems, kEpilogue);
}
