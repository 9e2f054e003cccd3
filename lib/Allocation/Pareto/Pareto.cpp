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
// any errors are solved exactly. With two budgets a pair has two costs and is
// beaten by what is no worse in all three.
//
// What keeps the lists short: a pair is dropped if the groups still to come do
// not fit beside it, or if its error plus the bound on theirs (Bounds.h) is
// above the error of an allocation that is already known.
//
// Groups are added from the last to the first, and among equal pairs the lower
// choice wins; so the survivor is the lexicographically smallest vector.
//
// Each pair remembers its choice and the pair it came from, in one pool; most
// of the pool soon is of no pair's past, and is collected whenever it has
// doubled.
//
//===----------------------------------------------------------------------===//
#include "Bounds.h"
#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>
#include <map>
#include <tuple>

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
  Costs costs;
  double error;
  uint32_t step; ///< in the pool; of a pair not yet kept, where it came from
  uint16_t choice;
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
  ParetoSearch(const AllocationProblem &problem, ArrayRef<unsigned> columns);
  Expected<Solution> run();

private:
  void add(unsigned group);
  void keepUnbeaten();

  const AllocationProblem &problem;
  SmallVector<unsigned, maxBudgets> columns;
  SmallVector<int64_t, maxBudgets> limits;
  std::vector<AllocationGroup> groups;
  Bounds bounds;
  std::vector<Pair> front, candidates;
  History history;
  double known; ///< no optimum has a larger error
  uint64_t visited = 0, held = 0;
};

} // namespace

static SmallVector<int64_t, maxBudgets>
limitsOf(const AllocationProblem &problem, ArrayRef<unsigned> columns) {
  SmallVector<int64_t, maxBudgets> limits;
  for (unsigned column : columns)
    limits.push_back(problem.budgets[column].limit.value_or(
        std::numeric_limits<int64_t>::max()));
  return limits;
}

ParetoSearch::ParetoSearch(const AllocationProblem &problem,
                           ArrayRef<unsigned> columns)
    : problem(problem), columns(columns), limits(limitsOf(problem, columns)),
      groups(problem.groups()), bounds(groups, this->columns, limits),
      known(bounds.known() * (1 + Relaxation::margin)) {}

/// Extends every pair of the front by every choice of `group`.
void ParetoSearch::add(unsigned group) {
  ArrayRef<Choice> choices = groups[group].choices;
  bounds.restrictTo(group); // the groups still to come
  candidates.clear();
  for (auto [number, choice] : enumerate(choices))
    for (const Pair &from : front) {
      Pair pair{from.costs, choice.error + from.error, from.step,
                uint16_t(number)};
      for (auto [index, column] : enumerate(columns))
        pair.costs[index] += choice.costs[column];
      double total = pair.error + bounds.of(pair.costs);
      // Infinity is "does not fit", and nothing may be known yet.
      if (std::isfinite(total) && total <= known)
        candidates.push_back(pair);
    }
  visited += choices.size() * front.size();
  keepUnbeaten();
  history.collect(front);
  held = std::max<uint64_t>(held, front.size());
}

/// Makes the front of the candidates that no other beats. In the order of
/// costs, then error, then choice, a candidate can only be beaten by an earlier
/// one: by one whose second cost and error are no larger. `least` has, for
/// every second cost, the least error up to there.
void ParetoSearch::keepUnbeaten() {
  llvm::stable_sort(candidates, [](const Pair &a, const Pair &b) {
    return std::tie(a.costs, a.error, a.choice) <
           std::tie(b.costs, b.error, b.choice);
  });
  front.clear();
  std::map<int64_t, double> least;
  for (const Pair &pair : candidates) {
    auto next = least.upper_bound(pair.costs[1]);
    if (next != least.begin() && std::prev(next)->second <= pair.error)
      continue;
    while (next != least.end() && next->second >= pair.error)
      next = least.erase(next);
    least[pair.costs[1]] = pair.error;
    front.push_back(pair);
    front.back().step = history.add(pair.step, pair.choice);
  }
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
  double bound = bounds.of({});
  front.push_back({{}, 0, noStep, 0});
  for (size_t group = groups.size(); group-- > 0;) {
    add(group);
    if (history.size() > maxPairs)
      return createStringError(
          formatv("allocator 'pareto' gives up on the problem of {0} groups "
                  "at group {1} with {2} partial allocations",
                  groups.size(), group, history.size())
              .str());
  }
  if (front.empty()) // only with two budgets; `check` looked at each
    return createStringError("no allocation keeps all budgets together");
  const Pair *best = &front.front();
  for (const Pair &pair : front)
    if (pair.error < best->error)
      best = &pair;
  Solution solution = problem.expand(groups, history.trace(best->step));
  solution.bound = std::min(bound, solution.error);
  solution.optimal = true;
  solution.statesVisited = visited;
  solution.statesHeld = held;
  return solution;
}

namespace {
struct Pareto final : Allocator {
  StringRef description() const override {
    return "exact for one budget or two, by lists of Pareto-optimal partial "
           "allocations";
  }
  Expected<Solution> solve(const AllocationProblem &problem) const override {
    SmallVector<unsigned, 2> columns = problem.constrainedColumns();
    if (columns.size() > maxBudgets)
      return createStringError(formatv("allocator 'pareto' keeps up to {0} "
                                       "budgets, the problem limits {1}",
                                       maxBudgets, columns.size())
                                   .str());
    return ParetoSearch(problem, columns).run();
  }
};
} // namespace

namespace mpq {
void registerAllocatorPareto(mlir::DialectRegistry &) {
  Registry<Allocator>::get().add("pareto", std::make_unique<Pareto>());
}
} // namespace mpq
