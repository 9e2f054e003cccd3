//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Random operands of a problem, in the layouts of its kernel, and the plain
// loops that say what the result should be.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_DATA_H
#define MPQ_TOOLS_QUANT_BENCH_DATA_H

#include "Compile.h"

#include <vector>

namespace mpq {

/// Memory whose last byte (up to the alignment of 64) is the last of a page
/// that nobody may read beyond.
class GuardedBuffer {
public:
  explicit GuardedBuffer(int64_t bytes);
  ~GuardedBuffer();
  GuardedBuffer(GuardedBuffer &&other);
  GuardedBuffer(const GuardedBuffer &) = delete;
  char *data() const { return start; }
  int64_t size() const { return bytes; }

private:
  char *mapping, *start;
  int64_t bytes, mapped;
};

class ProblemData {
public:
  ProblemData(const Problem &problem, const CompiledProblem &compiled);

  void pack();
  void run();
  /// Runs on a poisoned result and compares all of it with the reference: an
  /// empty string, or the first difference.
  std::string check();

private:
  float inputReal(int64_t n, int64_t c, int64_t h, int64_t w) const;
  std::string checkElement(int64_t n, int64_t o, int64_t h, int64_t w) const;
  std::string checkBorder() const;

  const Problem &p;
  const CompiledProblem &compiled;
  std::vector<int64_t> inputShape, resultShape;
  std::vector<float> weights;
  GuardedBuffer weight, packed, input, bias, residual, result;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_DATA_H
