//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What quant-compile prints at the end: which formats the weights got, what
// that costs in bytes, and what it costs in the model's output.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_PIPELINE_SUMMARY_H
#define MPQ_PIPELINE_SUMMARY_H

#include "mpq/Pipeline/Compiler.h"


#include "llvm/Support/Error.h"

#include <map>

namespace mpq {

class Summary {
public:
  explicit Summary(const CompileOptions &options) : options(options) {}

  /// Reads the decisions of the `planned` stage.
  void readPlan(mlir::ModuleOp planned);

  /// Runs the float model, and what the pipeline `quantize` makes of it, on the
  /// calibration data.
  llvm::Error measure(mlir::ModuleOp planned, llvm::StringRef quantize);

  /// Predicts the time of a sample in the `lowered` stage, where there is a cost
  /// table for its CPU.
  void predict(mlir::ModuleOp lowered);

  void print(llvm::raw_ostream &os) const;

private:
  struct Row {
    int64_t sites = 0, weights = 0, bytes = 0;
  };

  const CompileOptions &options;
  std::map<std::string, Row> rows; ///< by format
  Row total;
  double predictedError = 0;
  int64_t predictedNanoseconds = 0; ///< 0: not predicted
  double modelNanoseconds = 0;      ///< of everything; 0: not predicted
  std::string modelCpu;
  int64_t integerSites = 0;         ///< where activations were decided about
  std::string integers;             ///< what these are called there
  std::string metric;
  Divergence divergence = Divergence::KL; ///< that was measured
  std::optional<double> measuredDivergence;
  std::string notMeasured; ///< why
  double argmaxFlips = 0;
  int64_t samples = 0;
};

} // namespace mpq

#endif // MPQ_PIPELINE_SUMMARY_H
