//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How fast a kernel is, and how fast this CPU could be at the same moment.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_MEASURE_H
#define MPQ_TOOLS_QUANT_BENCH_MEASURE_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace mpq {

struct KernelTarget;
struct TargetSpec;

struct Measurement {
  /// The shortest time of one call.
  double seconds = 0;
  /// Multiply-adds per second in f32 with the target's vectors, all operands in
  /// registers; 0 where nobody has written that loop.
  double roof = 0;
};

/// Calls `run` in many short batches, in turn with the loop of multiply-adds:
/// the clock drifts and other processes interfere, so that only a roof taken at
/// the same time says something.
Measurement measure(llvm::function_ref<void()> run, const TargetSpec &target,
                    double budget);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_MEASURE_H
