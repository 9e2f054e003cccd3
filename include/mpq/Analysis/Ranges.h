//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where calibration keeps the range of an activation:
//
//     op with one result          mpq.range = #mpq.range<-1.0, 2.0>
//     op with several results     mpq.ranges = [#mpq.range<...>, unit, ...]
//     argument of a function      mpq.arg_ranges = [...] on the function
//
// Lists have `unit` where nothing was observed.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_RANGES_H
#define MPQ_ANALYSIS_RANGES_H

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mpq {

constexpr llvm::StringLiteral kRangeAttr = "mpq.range",
                              kRangesAttr = "mpq.ranges",
                              kArgRangesAttr = "mpq.arg_ranges";

/// On a function whose activations have no ranges by choice: the observer
/// observes nothing.
constexpr llvm::StringLiteral kNoRangesAttr = "mpq.no_ranges";

/// The module's attribute that names the samples it was calibrated on.
constexpr llvm::StringLiteral kCalibrationDataAttr = "mpq.calibration_data";

/// The range that was observed for `value`, or null.
RangeAttr getRange(mlir::Value value);
void setRange(mlir::Value value, RangeAttr range);

/// The f32 tensors of `main` that depend on its arguments: these, and results
/// of ops. In program order.
llvm::SmallVector<mlir::Value> getActivations(mlir::func::FuncOp main);

} // namespace mpq

#endif // MPQ_ANALYSIS_RANGES_H
