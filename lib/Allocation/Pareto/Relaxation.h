//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The linear relaxation of the multiple-choice knapsack, for one cost per
// choice.
//
// If a group might take two choices in part, only the corners of the lower
// convex hull of its (cost, error) points matter. With int2 (10, 9),
// int3 (15, 8), int4 (20, 1), int8 (40, 0):
//
//     error
//       9 +  o int2
//       8 |   `. o int3      int3 is above the line int2-int4: never a corner
//         |     `.
//       1 |       o--____    steps:  int2 -> int4  saves 8 for 10 units, .8 each
//       0 |              o           int4 -> int8  saves 1 for 20 units, .05 each
//         +--+----+------+-- cost
//           10   20     40
//
// Sorting the steps of all groups by what they save per unit and taking them
// until the budget is full solves the relaxation; only the last step is taken
// in part. (Sinha and Zoltners, The multiple-choice knapsack problem,
// Operations Research 27(3), 1979.)
//
// The bound is added up from the far end: the error when all steps are taken,
// plus what each step not taken would have saved. All terms are positive, so
// that rounding stays relative to the bound itself, and a caller that prunes
// with a margin of `margin` never prunes an optimum.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_ALLOCATION_PARETO_RELAXATION_H
#define MPQ_LIB_ALLOCATION_PARETO_RELAXATION_H

#include "mpq/Allocation/Problem.h"

namespace mpq {

/// An allocation under way and what it costs in the limited columns.
class Spending {
public:
  Spending(llvm::ArrayRef<AllocationGroup> groups,
           llvm::ArrayRef<unsigned> columns, llvm::ArrayRef<int64_t> limits)
      : groups(groups), columns(columns), limits(limits) {}

  /// Takes all of `choices`; false if that is too much.
  bool start(std::vector<unsigned> choices);
  /// Changes one choice unless that is too much.
  bool change(unsigned group, unsigned choice);

  std::vector<unsigned> choices;

private:
  llvm::ArrayRef<AllocationGroup> groups;
  llvm::ArrayRef<unsigned> columns;
  llvm::ArrayRef<int64_t> limits;
  llvm::SmallVector<int64_t, 2> totals;
};

class Relaxation {
public:
  /// Far above the rounding of a bound, which is below 1e-16 times the number
  /// of steps, and far below any difference that matters.
  static constexpr double margin = 1e-10;

  /// `costs` has, per group, one cost per choice.
  Relaxation(llvm::ArrayRef<AllocationGroup> groups,
             std::vector<std::vector<int64_t>> costs);

  /// Makes `bound` speak about groups 0 .. count-1 only.
  void restrictTo(unsigned count);

  /// The least error of the relaxation if the groups may cost `available`;
  /// infinity if not even their cheapest choices fit.
  double bound(int64_t available) const;

  /// A good allocation of all groups, left in `spending`: every step that still
  /// fits, then whatever single change still fits and helps. False if not even
  /// the cheapest choices fit.
  bool roundDown(Spending &spending) const;

private:
  struct Step {
    unsigned group, choice; ///< the choice the step leads to
    int64_t cost;           ///< what it adds, above 0
    double saving;          ///< what it takes off the error, above 0
  };
  /// The corners of a group's hull, from the cheapest.
  llvm::SmallVector<unsigned, 8> corners(unsigned group) const;
  double error(unsigned group, unsigned choice) const {
    return groups[group].choices[choice].error;
  }

  llvm::ArrayRef<AllocationGroup> groups;
  std::vector<std::vector<int64_t>> costs;
  std::vector<unsigned> start, end; ///< per group, its first and last corner
  std::vector<Step> steps;          ///< best first

  // Of the steps within the restriction:
  int64_t cheapestCost = 0;
  std::vector<int64_t> costBefore; ///< of the first i steps
  std::vector<double> errorAfter;  ///< once the first i steps are taken
  std::vector<double> stepSaving;
  std::vector<int64_t> stepCost;
};

} // namespace mpq

#endif // MPQ_LIB_ALLOCATION_PARETO_RELAXATION_H
