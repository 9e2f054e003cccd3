//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What makes an allocation problem well-formed, and a solution one of it.
// Neither knows any solver.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Problem.h"
#include "TextReader.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;
using namespace mpq;

template <typename... Ts>
static Error fail(const char *format, Ts &&...values) {
  return createStringError(formatv(format, std::forward<Ts>(values)...).str());
}

static std::string text(double value) {
  std::string result;
  raw_string_ostream os(result);
  printNumber(os, value);
  return result;
}

//===----------------------------------------------------------------------===//
// Checking the problem
//===----------------------------------------------------------------------===//

static Error checkBudgets(ArrayRef<Budget> budgets) {
  if (budgets.empty())
    return fail("the problem has no budget");
  StringSet<> names;
  for (const Budget &budget : budgets) {
    if (!names.insert(budget.name).second)
      return fail("budget '{0}' is given twice", budget.name);
    if (budget.limit && *budget.limit < 0)
      return fail("budget '{0}' is {1}, which is negative", budget.name,
                  *budget.limit);
  }
  return Error::success();
}

static Error checkChoices(const AllocationSite &site,
                          ArrayRef<Budget> budgets) {
  if (site.choices.empty())
    return fail("site '{0}' has no choices", site.name);
  StringSet<> names;
  for (const Choice &choice : site.choices) {
    if (!names.insert(choice.name).second)
      return fail("site '{0}' has choice '{1}' twice", site.name, choice.name);
    if (choice.costs.size() != budgets.size())
      return fail("choice '{0}' of site '{1}' has {2} costs for {3} budgets",
                  choice.name, site.name, choice.costs.size(), budgets.size());
    for (auto [budget, cost] : zip_equal(budgets, choice.costs))
      if (cost < 0)
        return fail("choice '{0}' of site '{1}' costs {2} {3}, which is "
                    "negative",
                    choice.name, site.name, cost, budget.name);
    if (!std::isfinite(choice.error) || choice.error < 0)
      return fail("choice '{0}' of site '{1}' has error {2}, which is {3}",
                  choice.name, site.name, text(choice.error),
                  choice.error < 0 ? "negative" : "not finite");
  }
  return Error::success();
}

/// Tied sites have the same choices in the same order.
static Error checkTies(ArrayRef<AllocationSite> sites) {
  StringMap<const AllocationSite *> firstOfTie;
  for (const AllocationSite &site : sites) {
    if (site.tie.empty())
      continue;
    const AllocationSite &first =
        *firstOfTie.try_emplace(site.tie, &site).first->second;
    if (site.choices.size() != first.choices.size())
      return fail("sites '{0}' and '{1}' are tied by '{2}' but have {3} and "
                  "{4} choices",
                  first.name, site.name, site.tie, first.choices.size(),
                  site.choices.size());
    for (auto [i, a, b] : enumerate(first.choices, site.choices))
      if (a.name != b.name)
        return fail("sites '{0}' and '{1}' are tied by '{2}' but their choice "
                    "{3} is '{4}' and '{5}'",
                    first.name, site.name, site.tie, i, a.name, b.name);
  }
  return Error::success();
}

/// No sum overflows, and each limit can be kept on its own.
static Error checkSums(const AllocationProblem &problem) {
  double errorSum = 0;
  for (const AllocationSite &site : problem.sites) {
    double worst = 0;
    for (const Choice &choice : site.choices)
      worst = std::max(worst, choice.error);
    errorSum += worst;
  }
  if (!std::isfinite(errorSum))
    return fail("the errors are too large to be added up");
  for (auto [column, budget] : enumerate(problem.budgets)) {
    int64_t largest = 0;
    for (const AllocationSite &site : problem.sites) {
      int64_t most = 0;
      for (const Choice &choice : site.choices)
        most = std::max(most, choice.costs[column]);
      if (AddOverflow(largest, most, largest))
        return fail("the costs in '{0}' are too large to be added up",
                    budget.name);
    }
    if (!budget.limit)
      continue;
    int64_t smallest = 0;
    for (const AllocationGroup &group : problem.groups()) {
      int64_t least = std::numeric_limits<int64_t>::max();
      for (const Choice &choice : group.choices)
        least = std::min(least, choice.costs[column]);
      smallest += least;
    }
    if (smallest > *budget.limit)
      return fail("budget '{0}' is {1}, but the smallest possible cost is {2}",
                  budget.name, *budget.limit, smallest);
  }
  return Error::success();
}

Error AllocationProblem::check() const {
  if (Error error = checkBudgets(budgets))
    return error;
  StringSet<> names;
  for (const AllocationSite &site : sites) {
    if (!names.insert(site.name).second)
      return fail("site '{0}' is given twice", site.name);
    if (Error error = checkChoices(site, budgets))
      return error;
  }
  if (Error error = checkTies(sites))
    return error;
  return checkSums(*this);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

std::vector<AllocationGroup> AllocationProblem::groups() const {
  std::vector<AllocationGroup> groups;
  StringMap<size_t> groupOfTie;
  for (auto [index, site] : enumerate(sites)) {
    size_t at = groups.size();
    if (!site.tie.empty())
      at = groupOfTie.try_emplace(site.tie, at).first->second;
    if (at == groups.size()) {
      groups.push_back({{unsigned(index)}, site.choices});
      continue;
    }
    groups[at].sites.push_back(index);
    for (auto [sum, choice] : zip_equal(groups[at].choices, site.choices)) {
      for (auto [total, cost] : zip_equal(sum.costs, choice.costs))
        total += cost;
      sum.error += choice.error;
    }
  }
  return groups;
}

SmallVector<unsigned, 2> AllocationProblem::constrainedColumns() const {
  SmallVector<unsigned, 2> columns;
  for (auto [column, budget] : enumerate(budgets))
    if (budget.limit)
      columns.push_back(column);
  if (columns.empty())
    columns.push_back(0);
  return columns;
}

double mpq::totalError(ArrayRef<AllocationGroup> groups,
                       ArrayRef<unsigned> groupChoices) {
  double total = 0;
  for (size_t i = groups.size(); i-- > 0;)
    total = groups[i].choices[groupChoices[i]].error + total;
  return total;
}

Solution AllocationProblem::expand(ArrayRef<AllocationGroup> groups,
                                   ArrayRef<unsigned> groupChoices) const {
  Solution solution;
  solution.choices.resize(sites.size());
  solution.costs.assign(budgets.size(), 0);
  for (auto [group, choice] : zip_equal(groups, groupChoices)) {
    for (unsigned site : group.sites)
      solution.choices[site] = choice;
    for (auto [total, cost] :
         zip_equal(solution.costs, group.choices[choice].costs))
      total += cost;
  }
  solution.error = totalError(groups, groupChoices);
  return solution;
}

//===----------------------------------------------------------------------===//
// Verifying a solution
//===----------------------------------------------------------------------===//

/// Whether two sums of the same numbers in different orders may be `a` and `b`.
static bool sameSum(double a, double b, size_t terms) {
  return std::abs(a - b) <= 1e-15 * double(terms + 1) * std::max(a, b);
}

static Error verifyTotals(const AllocationProblem &problem,
                          const Solution &solution) {
  for (auto [column, budget] : enumerate(problem.budgets)) {
    int64_t cost = 0;
    for (auto [site, choice] : zip_equal(problem.sites, solution.choices))
      cost += site.choices[choice].costs[column];
    if (cost != solution.costs[column])
      return fail("the solution says it costs {0} {1}, but its choices cost "
                  "{2}",
                  solution.costs[column], budget.name, cost);
    if (budget.limit && cost > *budget.limit)
      return fail("the solution costs {0} {1}, but the budget is {2}", cost,
                  budget.name, *budget.limit);
  }
  double error = 0;
  for (auto [site, choice] : zip_equal(problem.sites, solution.choices))
    error += site.choices[choice].error;
  if (!sameSum(error, solution.error, problem.sites.size()))
    return fail("the solution says its error is {0}, but its choices have {1}",
                text(solution.error), text(error));
  if (!(solution.bound <= solution.error) &&
      !sameSum(solution.bound, solution.error, problem.sites.size()))
    return fail("the solution's bound {0} is above its error {1}",
                text(solution.bound), text(solution.error));
  return Error::success();
}

Error AllocationProblem::verify(const Solution &solution) const {
  if (solution.choices.size() != sites.size())
    return fail("the solution has {0} choices for {1} sites",
                solution.choices.size(), sites.size());
  if (solution.costs.size() != budgets.size())
    return fail("the solution has {0} costs for {1} budgets",
                solution.costs.size(), budgets.size());
  StringMap<unsigned> firstOfTie;
  for (auto [index, site] : enumerate(sites)) {
    unsigned choice = solution.choices[index];
    if (choice >= site.choices.size())
      return fail("site '{0}' takes choice {1} of {2}", site.name, choice,
                  site.choices.size());
    if (site.tie.empty())
      continue;
    unsigned first = firstOfTie.try_emplace(site.tie, index).first->second;
    if (solution.choices[first] != choice)
      return fail("sites '{0}' and '{1}' are tied by '{2}' but take '{3}' and "
                  "'{4}'",
                  sites[first].name, site.name, site.tie,
                  sites[first].choices[solution.choices[first]].name,
                  site.choices[choice].name);
  }
  return verifyTotals(*this, solution);
}
