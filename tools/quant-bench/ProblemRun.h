//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A problem as it is measured: shared out over threads, with copies of its
// weights.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_PROBLEMRUN_H
#define MPQ_TOOLS_QUANT_BENCH_PROBLEMRUN_H

#include "Data.h"
#include "Measure.h"

#include "mpq/Target/CPU.h"

#include "llvm/Support/raw_ostream.h"

#include <memory>

namespace mpq {

struct RunOptions {
  std::string mcpu = "native"; ///< for problems that say none
  std::string family;          ///< empty: the first that accepts
  bool dump = false;           ///< print the kernels' IR
  const CostTable *costs = nullptr; ///< null: that of the CPU
};

/// A problem, compiled, with its operands.
class ProblemRun {
public:
  static llvm::Expected<ProblemRun> create(mlir::MLIRContext &context,
                                           const Problem &problem,
                                           const RunOptions &options);
  /// Packs the weights, of a cold problem as often as `coldBytes` need (0: once).
  void prepare(int64_t coldBytes);
  /// Does so, with enough copies if `copyCold`, and compares the result with the
  /// reference.
  llvm::Error check(bool copyCold);
  /// Compares the results that `check` has seen, bit for bit.
  llvm::Error compare(const ProblemRun &other) const;
  /// Measures for `seconds` and prints a line.
  llvm::Error measure(double seconds, llvm::raw_ostream &os);
  /// Measures for `seconds`, after `prepare`, the fraction of the roof.
  double getFraction(double seconds);
  /// Measures whenever a line of the standard input says so.
  llvm::Error takeTurns();
  llvm::ArrayRef<char> getObject() const { return compiled->object; }
  llvm::StringRef getFamily() const { return compiled->family; }

private:
  ProblemRun(const Problem &problem, TargetSpec target,
             CompiledProblem compiled);
  Subject makeSubject();
  llvm::Error wrong(llvm::StringRef difference) const {
    return llvm::createStringError("problem '" + problem->text + "' (" +
                                   getFamily() + "): " + difference);
  }

  std::unique_ptr<Problem> problem;
  TargetSpec target;
  std::unique_ptr<CompiledProblem> compiled;
  std::unique_ptr<ProblemData> data;
  int64_t copies = 1;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_PROBLEMRUN_H
