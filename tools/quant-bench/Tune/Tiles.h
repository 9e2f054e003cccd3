//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How packed products are best cut on this machine.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_TUNE_TILES_H
#define MPQ_TOOLS_QUANT_BENCH_TUNE_TILES_H

#include "mpq/Analysis/Cost.h"
#include "mpq/Support/StepReport.h"
#include "mpq/Target/CPU.h"

#include "mlir/IR/MLIRContext.h"

namespace mpq {

/// The tiles that are faster than those that the families have by themselves, for
/// the widths and numbers of rows that are measured. `mcpu` is the name of `target`.
llvm::Expected<std::map<std::string, std::vector<CostTable::Tile>>>
tuneTiles(mlir::MLIRContext &context, llvm::StringRef mcpu,
          const TargetSpec &target, StepReport &report);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_TUNE_TILES_H
