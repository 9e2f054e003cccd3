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

#include "Roof.h"
#include "Team.h"

#include "llvm/ADT/ArrayRef.h"

#include <functional>
#include <vector>

namespace mpq {

/// One thing to measure; each member of a team does its part of a call.
struct Subject {
  /// (member, number of the call)
  std::function<void(int64_t, int64_t)> run;
  double multiplyAdds = 0;
  DotInstruction dot;
  /// Bytes of weights that all members together read in a call, and the
  /// member's part of them: start and size.
  double weightBytes = 0;
  std::function<std::pair<const char *, int64_t>(int64_t, int64_t)> weights;
};

/// All numbers are medians over rounds. A round is a batch of calls, with a
/// loop at each of the two roofs before or behind it: the clock drifts and
/// other processes interfere, and only what is measured at the same moment
/// compares.
struct Measurement {
  double seconds = 0;        ///< of one call
  double dotsPerSecond = 0;  ///< multiply-adds by `dot`, all members together
  double bytesPerSecond = 0; ///< reading the same weights, all members together
  /// What a call would take at the lower of the two roofs (the longer time),
  /// by what it takes; 0 where no roof could be measured.
  double fraction = 0;

  bool isBoundByMemory(const Subject &subject) const;
};

/// The median time of one call of `run`, in ns, over `budget` seconds.
double timeCalls(llvm::function_ref<void()> run, double budget = 4e-3);

/// The time of one call of each of `runs`, in ns: the least of several turns, of
/// which each has the median. Another process that has the CPU for some
/// milliseconds lengthens a turn and not the result.
std::vector<double>
timeInTurns(llvm::ArrayRef<std::function<void()>> runs);

/// What `fraction` of `values` are below.
double getQuantile(std::vector<double> values, double fraction);

/// Measures for `budget` seconds, five rounds at least.
Measurement measure(const Subject &subject, Team &team, double budget);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_MEASURE_H
