//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The cheapest allocation that is nearly as good as the best.
//
//===----------------------------------------------------------------------===//

#include "mpq/Allocation/Allocator.h"

using namespace llvm;
using namespace mpq;

Expected<Solution> mpq::allocateCheapest(StringRef name,
                                         AllocationProblem problem,
                                         unsigned column, double slack) {
  Expected<Solution> best = allocate(name, problem);
  if (!best)
    return best.takeError();
  const double worst = best->error * (1 + slack);
  int64_t most = best->costs[column], least = 0;
  for (const AllocationGroup &group : problem.groups()) {
    int64_t cheapest = group.choices.front().costs[column];
    for (const Choice &choice : group.choices)
      cheapest = std::min(cheapest, choice.costs[column]);
    least += cheapest;
  }
  // `best` costs `most`; nothing costs less than `least`.
  while (most - least > most / 1000) {
    int64_t limit = least + (most - least) / 2;
    problem.budgets[column].limit = limit;
    Expected<Solution> found = allocate(name, problem);
    if (!found) // with the other limits, nothing is this cheap
      consumeError(found.takeError());
    if (!found || found->error > worst) {
      least = limit + 1;
      continue;
    }
    most = found->costs[column];
    best = std::move(found);
  }
  return best;
}
