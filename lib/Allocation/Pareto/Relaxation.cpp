//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See Relaxation.h.
//
//===----------------------------------------------------------------------===//
#include "Relaxation.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

using namespace llvm;
using namespace mpq;

SmallVector<unsigned, 8> Relaxation::corners(unsigned group) const {
  SmallVector<unsigned, 8> order(groups[group].choices.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return std::tuple(costs[group][a], error(group, a), a) <
           std::tuple(costs[group][b], error(group, b), b);
  });
  SmallVector<unsigned, 8> hull;
  // What going from `a` to `b` saves per unit of cost.
  auto slope = [&](unsigned a, unsigned b) {
    return (error(group, a) - error(group, b)) /
           double(costs[group][b] - costs[group][a]);
  };
  // Whether `b` lies on or above the line from `a` to `c`.
  auto above = [&](unsigned a, unsigned b, unsigned c) {
    return slope(a, b) <= slope(b, c);
  };
  for (unsigned next : order) {
    if (!hull.empty() && error(group, next) >= error(group, hull.back()))
      continue;
    while (hull.size() >= 2 && above(hull[hull.size() - 2], hull.back(), next))
      hull.pop_back();
    hull.push_back(next);
  }
  return hull;
}

Relaxation::Relaxation(ArrayRef<AllocationGroup> groups,
                       std::vector<std::vector<int64_t>> groupCosts)
    : groups(groups), costs(std::move(groupCosts)) {
  for (unsigned group = 0; group < groups.size(); ++group) {
    SmallVector<unsigned, 8> hull = corners(group);
    start.push_back(hull.front());
    end.push_back(hull.back());
    for (size_t i = 1; i < hull.size(); ++i)
      steps.push_back({group, hull[i],
                       costs[group][hull[i]] - costs[group][hull[i - 1]],
                       error(group, hull[i - 1]) - error(group, hull[i])});
  }
  // Stable: steps of one group stay in order even if rounding makes their
  // slopes equal.
  llvm::stable_sort(steps, [](const Step &a, const Step &b) {
    return a.saving / double(a.cost) > b.saving / double(b.cost);
  });
  restrictTo(groups.size());
}

void Relaxation::restrictTo(unsigned count) {
  cheapestCost = 0;
  double error = 0;
  for (unsigned group = 0; group < count; ++group) {
    cheapestCost += costs[group][start[group]];
    error += this->error(group, end[group]);
  }
  costBefore.clear();
  stepSaving.clear();
  stepCost.clear();
  int64_t cost = 0;
  for (const Step &step : steps) {
    if (step.group >= count)
      continue;
    costBefore.push_back(cost);
    stepCost.push_back(step.cost);
    stepSaving.push_back(step.saving);
    cost += step.cost;
  }
  costBefore.push_back(cost);
  errorAfter.resize(stepSaving.size() + 1);
  errorAfter.back() = error;
  for (size_t i = stepSaving.size(); i-- > 0;)
    errorAfter[i] = error += stepSaving[i];
}

double Relaxation::bound(int64_t available) const {
  if (available < cheapestCost)
    return std::numeric_limits<double>::infinity();
  int64_t left = available - cheapestCost;
  // The first step that does not fit whole.
  size_t step = upper_bound(costBefore, left) - costBefore.begin() - 1;
  if (step == stepCost.size())
    return errorAfter[step]; // all fit
  double taken = double(left - costBefore[step]) / double(stepCost[step]);
  return errorAfter[step + 1] + (1 - taken) * stepSaving[step];
}

bool Relaxation::roundDown(Spending &spending) const {
  if (!spending.start(start))
    return false;
  std::vector<bool> stopped(groups.size());
  for (const Step &step : steps)
    if (!stopped[step.group])
      stopped[step.group] = !spending.change(step.group, step.choice);
  for (unsigned group = 0; group < groups.size(); ++group)
    for (unsigned choice = 0; choice < groups[group].choices.size(); ++choice)
      if (error(group, choice) < error(group, spending.choices[group]))
        spending.change(group, choice);
  return true;
}

bool Spending::start(std::vector<unsigned> allChoices) {
  choices = std::move(allChoices);
  totals.assign(columns.size(), 0);
  for (auto [group, choice] : zip_equal(groups, choices))
    for (auto [total, column] : zip_equal(totals, columns))
      total += group.choices[choice].costs[column];
  return all_of(zip_equal(totals, limits), [](auto pair) {
    return std::get<0>(pair) <= std::get<1>(pair);
  });
}

bool Spending::change(unsigned group, unsigned choice) {
  const Choice &before = groups[group].choices[choices[group]];
  const Choice &after = groups[group].choices[choice];
  SmallVector<int64_t, 2> newTotals(totals);
  for (auto [total, column, limit] : zip_equal(newTotals, columns, limits)) {
    total += after.costs[column] - before.costs[column];
    if (total > limit)
      return false;
  }
  totals = std::move(newTotals);
  choices[group] = choice;
  return true;
}
