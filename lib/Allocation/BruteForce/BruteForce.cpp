//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The oracle: looks at every allocation. It shares nothing with the other
// solvers but the definition of the problem, takes any number of budgets, and
// refuses what would take it more than a second or so.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <tuple>

using namespace llvm;
using namespace mpq;

namespace {

constexpr uint64_t maxAllocations = uint64_t(1) << 26;

/// Enumerates the choices from the last group to the first, because that is the
/// order in which errors are added up.
class Enumeration {
public:
  Enumeration(const AllocationProblem &problem)
      : problem(problem), groups(problem.groups()),
        columns(problem.constrainedColumns()), current(groups.size()) {}

  Expected<Solution> run() {
    uint64_t count = 1;
    for (const AllocationGroup &group : groups)
      if ((count *= group.choices.size()) > maxAllocations)
        return createStringError(
            formatv("allocator 'brute-force' looks at up to {0} allocations, "
                    "the problem of {1} groups has more",
                    maxAllocations, groups.size())
                .str());
    SmallVector<int64_t, 2> costs(columns.size(), 0);
    visit(groups.size(), costs, 0);
    if (!found)
      return createStringError("no allocation keeps all budgets together");
    Solution solution = problem.expand(groups, best);
    solution.bound = solution.error;
    solution.optimal = true;
    solution.statesVisited = count;
    solution.statesHeld = 1;
    return solution;
  }

private:
  void visit(size_t remaining, ArrayRef<int64_t> costs, double error) {
    if (remaining == 0)
      return consider(costs, error);
    size_t index = remaining - 1;
    SmallVector<int64_t, 2> sums(costs.size());
    for (auto [number, choice] : enumerate(groups[index].choices)) {
      for (auto [sum, cost, column] : zip_equal(sums, costs, columns))
        sum = cost + choice.costs[column];
      current[index] = number;
      visit(index, sums, choice.error + error);
    }
  }

  void consider(ArrayRef<int64_t> costs, double error) {
    for (auto [cost, column] : zip_equal(costs, columns))
      if (problem.budgets[column].limit &&
          cost > *problem.budgets[column].limit)
        return;
    if (found && std::tie(bestError, bestCosts, best) <=
                     std::tuple(error, SmallVector<int64_t, 2>(costs), current))
      return;
    found = true;
    bestError = error;
    bestCosts.assign(costs.begin(), costs.end());
    best = current;
  }

  const AllocationProblem &problem;
  std::vector<AllocationGroup> groups;
  SmallVector<unsigned, 2> columns;
  std::vector<unsigned> current, best;
  SmallVector<int64_t, 2> bestCosts;
  double bestError = 0;
  bool found = false;
};

struct BruteForce final : Allocator {
  StringRef description() const override {
    return "tries every allocation; for small problems and for tests";
  }
  Expected<Solution> solve(const AllocationProblem &problem) const override {
    return Enumeration(problem).run();
  }
};

} // namespace

namespace mpq {
void registerAllocatorBruteForce(mlir::DialectRegistry &) {
  Registry<Allocator>::get().add("brute-force", std::make_unique<BruteForce>());
}
} // namespace mpq
