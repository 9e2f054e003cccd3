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
  /// How many f32 multiply-adds, with the target's vectors and all operands in
  /// registers, this CPU could have done in one call; 0 where nobody has
  /// written that loop. The median over pairs of a batch and the loop right
  /// before and after it: the clock drifts and other processes interfere, and
  /// only what is measured at the same moment compares.
  double possible = 0;
};

/// Calls `run` for `budget` seconds in batches of some 50 us.
Measurement measure(llvm::function_ref<void()> run, const TargetSpec &target,
                    double budget);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_MEASURE_H
