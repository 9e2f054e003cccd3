//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One kernel problem, written on one line: what is computed, then words in any
// order.
//
//   conv 16x32x32 k3 o16 s1 p1 relu residual      C x H x W of the input
//   conv 64x25x5 k3 depthwise p1 u8in u8out
//   matmul 8x256x512 relu                         M x K x N
//   mpgemm m=8 n=4096 k=4096 w=int4:g32:f16 a=int8 isa=avx512vnni cold
//
// mpgemm is a matmul whose sizes are words, and without bias unless told.
// `kProblemHelp`, which --help prints, has all words.
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
  bool bf16Input = false, bf16Residual = false, bf16Output = false;
  /// The input is f32 and quantized by the kernel, with scales from the data.
  bool int8Input = false;
  /// The same, for each group of columns in which the weight has a scale.
  bool int8Groups = false;
  /// Of the codes of the input, those that the kernel makes or those that it is
  /// given, whose zero point this is (negative: not said).
  int64_t inputBits = 8, inputZero = -1;
  std::string format;
  /// The only kernel family to be asked; empty: the tool's default.
  std::string family;
  /// Of a dynamic matmul: fewer rows than `samples`, which the same kernel has
  /// to do as well.
  llvm::SmallVector<int64_t> fewerRows;
  int64_t border = 0;
  /// The error that kernels may have, beyond rounding, of the largest result.
  double tolerance = 0;
  /// Instruction sets to compile for, or a CPU; empty: the tool's default.
  std::string isa;
  /// Width of vectors in bits; 0: the widest that the target has.
  int64_t vectorBits = 0;
  /// Whether weights come from DRAM.
  bool cold = false;
  int64_t threads = 1;

  int64_t outputSize(int dimension) const;
  int64_t weightsPerOutput() const {
    return channels / groups * kernel[0] * kernel[1];
  }
  double multiplyAdds() const;
};

/// What the words of a problem mean.
extern const char kProblemHelp[];

/// Reads a line; an error names the word that is wrong.
llvm::Expected<Problem> parseProblem(llvm::StringRef line);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_PROBLEM_H
