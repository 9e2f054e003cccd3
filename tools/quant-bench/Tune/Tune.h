//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From measured kernels to the cost table of a CPU (mpq/Analysis/Cost.h), and
// from a cost table to the time of a model.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_TUNE_TUNE_H
#define MPQ_TOOLS_QUANT_BENCH_TUNE_TUNE_H

#include "mpq/Analysis/Cost.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

namespace mpq {

/// Measures the kernels of this machine, compiled for `mcpu`, on `problems` or, if
/// there are none, on all kinds of problems in many sizes, and how they are best cut.
llvm::Expected<CostTable> tune(mlir::MLIRContext &context, llvm::StringRef mcpu,
                               llvm::ArrayRef<std::string> problems);

/// Prints the kernels of a bufferized model, the times that are measured, and
/// those that `table` predicts.
llvm::Error profile(mlir::MLIRContext &context, llvm::StringRef path,
                    const CostTable &table, int64_t dynamicSize,
                    llvm::raw_ostream &os);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_TUNE_TUNE_H
