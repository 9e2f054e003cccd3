//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One kernel problem, written on one line:
//
//   conv 16x32x32 k3 o16 s1 p1 relu residual      C x H x W of the input
//   conv 64x25x5 k3 depthwise p1 u8in u8out
//   matmul 8x256x512 relu                         M x K x N
//
//   k3 k1x7          kernel height x width                       (conv; 1)
//   o16              output channels                             (conv; as
//   input) s2 s2x1          strides                                     (1) d2
//   d2x1          dilations                                   (1) p1 p0x1x2x1
//   padding: top, left, bottom, right           (0) g4 depthwise     groups n2
//   samples                                     (1) relu clamp=-1:6  fused
//   activation residual nobias  operands u8in u8res u8out quantized activations
//   dynamic          rows are known at run time only              (matmul)
//   int4 int4:g32    format of the weight, any that quant-opt knows (f32)
//   border=1         borders wider than the kernel asks for, as other readers
//                    of the same activation may want them
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_PROBLEM_H
#define MPQ_TOOLS_QUANT_BENCH_PROBLEM_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <limits>
#include <string>

namespace mpq {

struct Problem {
  std::string text;
  bool isConv = true;
  /// N, C, H, W; a matmul is N = M samples of C = K channels, 1 x 1.
  int64_t samples = 1, channels = 0, height = 1, width = 1;
  int64_t outputs = 0, groups = 1;
  llvm::SmallVector<int64_t> kernel = {1, 1}, strides = {1, 1},
                             dilations = {1, 1};
  llvm::SmallVector<int64_t> pads = {0, 0, 0, 0};
  double clampMin = -std::numeric_limits<double>::infinity();
  double clampMax = std::numeric_limits<double>::infinity();
  bool bias = true, residual = false, dynamic = false;
  bool u8Input = false, u8Residual = false, u8Output = false;
  std::string format;
  int64_t border = 0;

  int64_t outputSize(int dimension) const;
  int64_t weightsPerOutput() const {
    return channels / groups * kernel[0] * kernel[1];
  }
  double multiplyAdds() const;
};

/// Reads a line; an error names the word that is wrong.
llvm::Expected<Problem> parseProblem(llvm::StringRef line);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_PROBLEM_H
