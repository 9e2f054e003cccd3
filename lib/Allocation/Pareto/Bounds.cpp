//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See Bounds.h.
//
//===----------------------------------------------------------------------===//
#include "Bounds.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <limits>

using namespace llvm;
using namespace mpq;

/// The whole budget of a mixture.
static constexpr double mixtureUnits = double(int64_t(1) << 40);

/// What a mixture's rounding and that of f64 may add up to, in its units:
/// rounding down the sum that is spent loses less than 1, and f64 far less than
/// that.
static constexpr int64_t mixtureSlack = 2;

Bounds::Bounds(ArrayRef<AllocationGroup> groups, ArrayRef<unsigned> columns,
               ArrayRef<int64_t> limits)
    : groups(groups), columns(columns), limits(limits) {
  for (unsigned index = 0; index < columns.size(); ++index)
    addColumn(index);
  if (columns.size() == 2 && all_of(limits, [](int64_t l) { return l > 0; }))
    for (double share : {.125, .25, .375, .5, .625, .75, .875})
      addMixture(share);
}

static int64_t mixed(const std::array<double, maxBudgets> &weights,
                     int64_t first, int64_t second) {
  double cost = weights[0] * double(first) + weights[1] * double(second);
  // What is far above the budget need not be told apart.
  return int64_t(std::min(cost, 4 * mixtureUnits));
}

void Bounds::addColumn(unsigned index) {
  std::vector<std::vector<int64_t>> costs;
  for (const AllocationGroup &group : groups) {
    std::vector<int64_t> &ofGroup = costs.emplace_back();
    for (const Choice &choice : group.choices)
      ofGroup.push_back(choice.costs[columns[index]]);
  }
  entries.push_back({Relaxation(groups, std::move(costs)), {}, int(index)});
}

void Bounds::addMixture(double share) {
  std::array<double, maxBudgets> weights{
      share * mixtureUnits / double(limits[0]),
      (1 - share) * mixtureUnits / double(limits[1])};
  std::vector<std::vector<int64_t>> costs;
  for (const AllocationGroup &group : groups) {
    std::vector<int64_t> &ofGroup = costs.emplace_back();
    for (const Choice &choice : group.choices)
      ofGroup.push_back(
          mixed(weights, choice.costs[columns[0]], choice.costs[columns[1]]));
  }
  entries.push_back({Relaxation(groups, std::move(costs)), weights, -1});
}

void Bounds::restrictTo(unsigned count) {
  for (Entry &entry : entries)
    entry.relaxation.restrictTo(count);
}

double Bounds::of(const Costs &spent) const {
  double bound = 0;
  for (const Entry &entry : entries) {
    int64_t available = entry.column >= 0
                            ? limits[entry.column] - spent[entry.column]
                            : int64_t(mixtureUnits) + mixtureSlack -
                                  mixed(entry.weights, spent[0], spent[1]);
    bound = std::max(bound, entry.relaxation.bound(available));
  }
  return bound;
}

double Bounds::known() const {
  double best = std::numeric_limits<double>::infinity();
  for (const Entry &entry : entries) {
    Spending spending(groups, columns, limits);
    if (entry.relaxation.roundDown(spending))
      best = std::min(best, totalError(groups, spending.choices));
  }
  return best;
}
