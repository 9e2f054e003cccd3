//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products and convolutions. Which family takes one is for the families to say: a
// kernel has rates of its own as soon as it takes one of these.
//
//===----------------------------------------------------------------------===//

#include "Problems.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mpq;

/// Numbers of rows with a rate of their own.
static constexpr int64_t kRows[] = {1, 4, 8, 16, 32, 128};

/// N x K of weights that stay in the second-level cache as f32; some with parts of
/// vectors.
static constexpr std::pair<int, int> kWeights[] = {
    {64, 64},   {96, 48},   {64, 172},  {172, 64}, {256, 256},
    {512, 256}, {256, 512}, {10, 512}, {32, 64}};

/// What is multiplied with them.
static constexpr llvm::StringLiteral kOperands[] = {
    "",
    "w=int8 a=int8",
    "w=int8 a=int8:static",
    "w=int4 a=int8",
    "w=int4 a=int8:static",
    "w=int4",
    "a=bf16 bf16out"};

/// What is multiplied as it is packed whatever its size.
static constexpr std::pair<int, int> kFewWeights[] = {
    {64, 64}, {64, 172}, {256, 256}, {512, 256}, {256, 512}};
static constexpr llvm::StringLiteral kNarrowOperands[] = {
    "w=int2:f16 a=int8", "w=int3:f16 a=int8", "w=int6:f16 a=int8"};

/// Weights that would not stay there, and are multiplied as they are packed even with
/// floats; for fewer numbers of rows.
static constexpr int64_t kLargeRows[] = {1, 8, 16, 32, 128};
static constexpr std::pair<int, int> kLargeWeights[] = {
    {512, 512}, {1024, 512}, {512, 1024}};
static constexpr llvm::StringLiteral kLargeOperands[] = {
    "w=binary:f16",
    "w=int2:f16",
    "w=int3:f16",
    "w=int4:f16",
    "w=int4:g32:f16",
    "w=int8:f16",
    "w=binary:f16 a=bf16 bf16out",
    "w=int2:f16 a=bf16 bf16out",
    "w=int4:f16 a=bf16 bf16out",
    "w=int8:f16 a=bf16 bf16out",
    "w=lut4:f16",
    "w=lut8:f16",
    "w=ternary:f16",
    "w=ternary:f16 a=int8",
    "w=binary:f16 a=int8",
    "w=int4:g32:f16 a=int8",
    "w=int8:g32:f16 a=int8",
    "w=binary:f16 a=int2",
    "w=int2:f16 a=int2"};

/// Of f32, of bf16, and of codes that are 0 for 0, as behind a ReLU; what is fused costs
/// little, but not nothing.
static constexpr llvm::StringLiteral kConvs[] = {
    "16x32x32 k3 p1 relu",
    "16x32x32 k3 p1 residual relu",
    "32x16x16 k3 p1 relu",
    "64x8x8 k3 p1 residual relu",
    "16x32x32 k3 p1 s2 o32 relu",
    "64x14x14 k3 p1 relu",
    "3x32x32 k3 p1 o16 relu",
    "1x49x10 k10x4 s2 p4x1x5x1 o64 relu",
    "3x64x64 k7 s2 p3 o64 relu",
    "3x32x32 k8 s8 o48",
    "64x25x5 relu",
    "32x16x16 o64",
    "128x7x7 k3 p1 relu",
    "256x8x8 o64",
    "64x25x5 k3 p1 depthwise relu",
    "32x16x16 k3 p1 depthwise",
    "96x14x14 k3 p1 s2 depthwise",
    "64x8x8 k5 p2 depthwise"};

/// Those that Winograd's algorithm takes where a little error is allowed.
static constexpr llvm::StringLiteral kWinogradConvs[] = {
    "16x32x32 k3 p1 relu", "16x32x32 k3 p1 residual relu",
    "32x16x16 k3 p1 relu", "32x16x16 k3 p1 residual relu",
    "64x8x8 k3 p1 relu",   "64x8x8 k3 p1 residual relu",
    "64x16x16 k3 p1 relu", "128x8x8 k3 p1 relu",
    "32x32x32 k3 p1 relu"};

std::vector<std::string> mpq::listProducts() {
  std::vector<std::string> lines;
  auto add = [&](auto &allRows, auto &weights, auto &operands) {
    for (int64_t rows : allRows)
      for (auto [n, k] : weights)
        for (llvm::StringRef rest : operands)
          lines.push_back(llvm::formatv("mpgemm m={0} n={1} k={2} bias {3}",
                                        rows, n, k, rest));
  };
  add(kRows, kWeights, kOperands);
  add(kLargeRows, kFewWeights, kNarrowOperands);
  add(kLargeRows, kLargeWeights, kLargeOperands);
  for (llvm::StringRef conv : kConvs) {
    lines.push_back(("conv " + conv).str());
    lines.push_back(("conv " + conv + " a=bf16 bf16out").str());
    llvm::StringRef residual = conv.contains("residual") ? " u8res" : "";
    lines.push_back(
        ("conv " + conv + " u8in zero=0 u8out int8" + residual).str());
  }
  for (llvm::StringRef conv : kWinogradConvs)
    lines.push_back(("conv " + conv + " tolerance=1e-4").str());
  // For what no other family takes.
  for (llvm::StringRef rest :
       {"mpgemm m=1 n=64 k=64", "mpgemm m=1 n=64 k=16",
        "mpgemm m=1 n=64 k=64 a=int8 w=int8"})
    lines.push_back((rest + " family=reference_matmul").str());
  for (llvm::StringRef rest : {"conv 16x8x8 k3 p1", "conv 16x8x8 o32",
                               "conv 16x8x8 k3 p1 u8in u8out int8"})
    lines.push_back((rest + " family=reference_conv").str());
  return lines;
}
