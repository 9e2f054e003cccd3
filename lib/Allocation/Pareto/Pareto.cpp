//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exact allocation by lists of Pareto-optimal partial allocations.
// (Nemhauser and Ullmann, Discrete dynamic programming and capital allocation,
// Management Science 15(9), 1969, with choices instead of items.)
//
// The front after some groups is the list of (cost, error) pairs that those
// groups can reach and that no other pair beats in both. Adding a group merges
// one shifted copy of the front per choice, and keeps what still beats all that
// costs less. From the front {(5, 4), (10, 2), (20, 1)} of `fc`, adding conv2 =
// {(30, 2), (60, 1)} under a limit of 100 with conv1 (at least 10) still to
// come:
//
//     + int2   (35, 6) (40, 4) (50, 3)
//     + int4                            (65, 5) (70, 3) (80, 2)
//     kept     (35, 6) (40, 4) (50, 3)     -       -    (80, 2)
//
// Nothing is rounded and nothing depends on the unit of cost, so any costs and
// any errors are solved exactly. What keeps the lists short:
//
//   * a pair that leaves too little for the cheapest choices of the groups
//   still
//     to come is dropped;
//   * so is one whose error plus the relaxation's bound for those groups is
//     above the error of an allocation that is already known.
//
// Groups are added from the last to the first, and among equal pairs the lower
// choice wins; so the survivor is the lexicographically smallest vector.
//
// Each pair remembers its choice and the pair it came from, in one pool; most
// of the pool soon is of no pair's past, and is collected whenever it has
// doubled.
//
//===----------------------------------------------------------------------===//
#include "Relaxation.h"
#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <cassert>
#include <limits>

using namespace llvm;
using namespace mpq;

namespace {

/// About 2 GiB; a problem that needs more is told so.
constexpr size_t maxPairs = size_t(1) << 26;
constexpr size_t maxChoices = size_t(1) << 16;

/// Where a pair came from.
struct Step {
  uint32_t from;
  uint16_t choice;
};
constexpr uint32_t noStep = ~uint32_t(0);

struct Pair {
  int64_t cost;
  double error;
  uint32_t step; ///< in the pool
};

/// The pool of steps. A step's `from` is at a lower index.
class History {
public:
  uint32_t add(uint32_t from, uint16_t choice) {
    steps.push_back({from, choice});
    return steps.size() - 1;
  }

  /// Forgets what no pair of `front` came from, once that may be half.
  void collect(MutableArrayRef<Pair> front) {
    if (steps.size() < 2 * sizeAfterCollection + 4096)
      return;
    std::vector<uint32_t> place(steps.size(), 0);
    for (const Pair &pair : front)
      place[pair.step] = 1;
    for (size_t i = steps.size(); i-- > 0;)
      if (place[i] && steps[i].from != noStep)
        place[steps[i].from] = 1;
    uint32_t next = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (!place[i])
        continue;
      Step step = steps[i];
      if (step.from != noStep)
        step.from = place[step.from];
      steps[next] = step;
      place[i] = next++;
    }
    steps.resize(next);
    for (Pair &pair : front)
      pair.step = place[pair.step];
    sizeAfterCollection = next;
  }

  /// The choices on the way to `step`, the latest first.
  std::vector<unsigned> trace(uint32_t step) const {
    std::vector<unsigned> choices;
    for (; step != noStep; step = steps[step].from)
      choices.push_back(steps[step].choice);
    return choices;
  }

  size_t size() const { return steps.size(); }

private:
  std::vector<Step> steps;
  size_t sizeAfterCollection = 0;
};

class ParetoSearch {
public:
  ParetoSearch(const AllocationProblem &problem, unsigned column)
      : problem(problem), groups(problem.groups()), column(column),
        limit(problem.budgets[column].limit.value_or(
            std::numeric_limits<int64_t>::max())),
        relaxation(groups, column) {}

  Expected<Solution> run();

private:
  void add(unsigned group);

  const AllocationProblem &problem;
  std::vector<AllocationGroup> groups;
  unsigned column;
  int64_t limit;
  Relaxation relaxation;
  double known = 0; ///< no optimum has a larger error
  std::vector<Pair> front, merged;
  History history;
  uint64_t visited = 0, held = 0;
};

} // namespace

/// Merges the shifted copies of the front for `group`'s choices.
void ParetoSearch::add(unsigned group) {
  ArrayRef<Choice> choices = groups[group].choices;
  relaxation.restrictTo(group); // the groups still to come
  int64_t available = limit - relaxation.cheapest();
  SmallVector<size_t, 16> heads(choices.size(), 0);
  merged.clear();
  double best = std::numeric_limits<double>::infinity();
  while (true) {
    // The cheapest head; among those the one with the least error, then the
    // first.
    size_t pick = choices.size();
    int64_t cost = 0;
    double error = 0;
    for (size_t i = 0; i < choices.size(); ++i) {
      if (heads[i] == front.size())
        continue;
      int64_t headCost = front[heads[i]].cost + choices[i].costs[column];
      double headError = choices[i].error + front[heads[i]].error;
      if (pick < choices.size() &&
          (headCost > cost || (headCost == cost && headError >= error)))
        continue;
      pick = i;
      cost = headCost;
      error = headError;
    }
    if (pick == choices.size() || cost > available)
      break;
    const Pair &from = front[heads[pick]++];
    ++visited;
    if (error >= best)
      continue;
    best = error;
    if (error + relaxation.bound(limit - cost) > known)
      continue;
    merged.push_back({cost, error, history.add(from.step, pick)});
  }
  std::swap(front, merged);
  history.collect(front);
  held = std::max<uint64_t>(held, front.size());
}

Expected<Solution> ParetoSearch::run() {
  for (const AllocationGroup &group : groups)
    if (group.choices.size() > maxChoices)
      return createStringError(
          formatv("allocator 'pareto' takes up to {0} choices, site '{1}' has "
                  "{2}",
                  maxChoices, problem.sites[group.sites.front()].name,
                  group.choices.size())
              .str());
  double bound = relaxation.bound(limit);
  known = totalError(groups, relaxation.roundDown(limit)) *
          (1 + Relaxation::margin);
  front.push_back({0, 0, noStep});
  for (size_t group = groups.size(); group-- > 0;) {
    add(group);
    if (history.size() > maxPairs)
      return createStringError(
          formatv("allocator 'pareto' gives up on the problem of {0} groups "
                  "at group {1} with {2} partial allocations",
                  groups.size(), group, history.size())
              .str());
  }
  assert(!front.empty() && "a checked problem has a solution");
  // Pairs are sorted by cost and each errs less than the one before.
  Solution solution = problem.expand(groups, history.trace(front.back().step));
  solution.bound = std::min(bound, solution.error);
  solution.optimal = true;
  solution.statesVisited = visited;
  solution.statesHeld = held;
  return solution;
}

namespace {
struct Pareto final : Allocator {
  StringRef description() const override {
    return "exact for one budget, by lists of Pareto-optimal partial "
           "allocations";
  }
  Expected<Solution> solve(const AllocationProblem &problem) const override {
    SmallVector<unsigned, 2> columns = problem.constrainedColumns();
    if (columns.size() != 1)
      return createStringError(formatv("allocator 'pareto' keeps one budget, "
                                       "the problem limits {0}",
                                       columns.size())
                                   .str());
    return ParetoSearch(problem, columns.front()).run();
  }
};
} // namespace

namespace mpq {
void registerAllocatorPareto(mlir::DialectRegistry &) {
  Registry<Allocator>::get().add("pareto", std::make_unique<Pareto>());
}
} // namespace mpq
