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
  GuardedBuffer &operator=(GuardedBuffer &&other);
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

  /// Packs the weights, and puts `copies` of them into memory of their own.
  void pack(int64_t copies);
  /// All parts, one after the other. `rows`: how many, if the problem is dynamic
  /// (0: all).
  void run(int64_t copy = 0, int64_t rows = 0);
  /// What thread `part` does.
  void runPart(int64_t copy, int64_t part, int64_t rows = 0);
  /// Runs on a poisoned result and compares it with the reference, all of it
  /// or, where that would take too long, a sample of it: an empty string, or
  /// the first difference.
  std::string check();
  /// Runs with each of the copies on a poisoned result and compares with what
  /// `check` has seen, bit for bit.
  std::string checkCopies();
  /// The result that `check` has seen.
  llvm::ArrayRef<char> getChecked() const { return checked; }
  /// Compares what the last run left.
  std::string checkResult() const;

  int64_t getWeightBytes() const { return compiled.packedBytes; }
  char *getWeights(int64_t copy) const {
    return copy ? copies.data() + (copy - 1) * packed.size() : packed.data();
  }

private:
  void roundInput();
  std::string checkElement(int64_t n, int64_t o, int64_t h, int64_t w) const;
  /// The exact result before the clamp, and the sum of its absolute terms.
  double getExpected(int64_t n, int64_t o, int64_t h, int64_t w,
                     double &magnitude) const;
  /// Sets `largest` where the problem's tolerance needs it.
  void findLargest();
  std::string checkSample() const;
  std::string checkBorder() const;
  /// Runs the first `rows` rows alone: the same bits, and nothing beyond.
  std::string checkFewer(int64_t rows);

  const Problem &p;
  const CompiledProblem &compiled;
  std::vector<int64_t> inputShape, resultShape;
  std::vector<float> weights, inputReals;
  /// Of each row that is quantized with a zero point: how far the smallest and the
  /// largest code are apart.
  std::vector<float> inputRanges;
  GuardedBuffer weight, packed, input, bias, residual, result;
  /// Further copies of `packed`, one behind the other.
  GuardedBuffer copies = GuardedBuffer(0);
  std::vector<char> checked;
  /// The largest absolute value of a sample of the results.
  double largest = 0;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_DATA_H
