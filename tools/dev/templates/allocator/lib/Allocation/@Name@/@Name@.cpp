//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Allocator `@name@`: starts from the smallest choice of every group, and as long
// as budgets allow it takes the step that saves the most error for its cost.
// How it solves the problem, how far from the optimum it may end, and where that
// is from, belongs here.
//
//===----------------------------------------------------------------------===//

#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"

#include <limits>

using namespace llvm;
using namespace mpq;

namespace {

class Greedy {
public:
  Greedy(const AllocationProblem &problem)
      : problem(problem), groups(problem.groups()), columns(problem.constrainedColumns()) {}

  Expected<Solution> run() {
    for (const AllocationGroup &group : groups)
      current.push_back(getSmallest(group));
    if (!isWithin(current))
      return createStringError("allocator '@name@' finds no allocation that keeps all budgets together");
    while (takeBestStep())
      ;
    Solution solution = problem.expand(groups, current);
    solution.statesVisited = visited;
    solution.statesHeld = 1;
    return solution; // bound 0: nothing is known about the optimum
  }

private:
  unsigned getSmallest(const AllocationGroup &group) const {
    unsigned column = columns.front(), best = 0;
    for (unsigned i = 1; i < group.choices.size(); ++i)
      if (group.choices[i].costs[column] < group.choices[best].costs[column])
        best = i;
    return best;
  }

  bool isWithin(ArrayRef<unsigned> choices) const {
    for (unsigned column : columns) {
      int64_t sum = 0;
      for (auto [group, choice] : zip(groups, choices))
        sum += group.choices[choice].costs[column];
      if (problem.budgets[column].limit && sum > *problem.budgets[column].limit)
        return false;
    }
    return true;
  }

  /// One group gets another choice; false if no step is worth it. The first of
  /// equally good ones is taken, so the solution is always the same.
  bool takeBestStep() {
    double bestRate = 0;
    std::vector<unsigned> best;
    for (unsigned g = 0; g < groups.size(); ++g)
      for (unsigned c = 0; c < groups[g].choices.size(); ++c) {
        const Choice &from = groups[g].choices[current[g]], &to = groups[g].choices[c];
        std::vector<unsigned> next = current;
        next[g] = c;
        ++visited;
        if (to.error >= from.error || !isWithin(next))
          continue;
        int64_t cost = to.costs[columns.front()] - from.costs[columns.front()];
        double rate = cost > 0 ? (from.error - to.error) / double(cost) : std::numeric_limits<double>::infinity();
        if (rate > bestRate) {
          bestRate = rate;
          best = std::move(next);
        }
      }
    if (best.empty())
      return false;
    current = std::move(best);
    return true;
  }

  const AllocationProblem &problem;
  std::vector<AllocationGroup> groups;
  SmallVector<unsigned, 2> columns;
  std::vector<unsigned> current;
  uint64_t visited = 0;
};

struct @Name@Allocator final : Allocator {
  StringRef description() const override { return "takes the step that saves the most error for its cost, again and again"; }
  Expected<Solution> solve(const AllocationProblem &problem) const override { return Greedy(problem).run(); }
};

} // namespace

namespace mpq {
void registerAllocator@Name@(mlir::DialectRegistry &) {
  Registry<Allocator>::get().add("@name@", std::make_unique<@Name@Allocator>());
}
} // namespace mpq
