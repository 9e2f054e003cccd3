//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lower bounds on the error of a problem with one budget or two, and an
// allocation that is good enough to prune with.
//
// Each budget alone gives a linear relaxation. With two, so does any mixture
//
//     a * cost1 + b * cost2  <=  a * limit1 + b * limit2          a, b >= 0
//
// since every allocation that keeps both budgets keeps it. Where both budgets
// bind, a mixture bounds far better than either alone: with two groups that each
// take (4, 0) or (0, 4) or, for more error, (2, 2), a budget of (4, 4) lets either
// relaxation take all cost in the other column.
//
// Mixtures are computed in integers of their own, 2^40 for the whole budget,
// every cost rounded down.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_ALLOCATION_PARETO_BOUNDS_H
#define MPQ_LIB_ALLOCATION_PARETO_BOUNDS_H

#include "Relaxation.h"

#include <array>

namespace mpq {

constexpr size_t maxBudgets = 2;
/// 0 for a budget that there is not.
using Costs = std::array<int64_t, maxBudgets>;

class Bounds {
public:
  /// `limits` are those of `columns`, of which there are 1 to `maxBudgets`.
  Bounds(llvm::ArrayRef<AllocationGroup> groups,
         llvm::ArrayRef<unsigned> columns, llvm::ArrayRef<int64_t> limits);

  /// Makes `of` speak about groups 0 .. count-1 only.
  void restrictTo(unsigned count);

  /// A lower bound on the error of these groups when the others cost `spent`;
  /// infinity if they do not fit.
  double of(const Costs &spent) const;

  /// The error of a good allocation of all groups, or infinity if none was
  /// found.
  double known() const;

private:
  struct Entry {
    Relaxation relaxation;
    std::array<double, maxBudgets> weights; ///< of a mixture
    int column;                             ///< one budget alone, or -1
  };
  void addColumn(unsigned index);
  void addMixture(double share);

  llvm::ArrayRef<AllocationGroup> groups;
  llvm::ArrayRef<unsigned> columns;
  llvm::ArrayRef<int64_t> limits;
  std::vector<Entry> entries;
};

} // namespace mpq

#endif // MPQ_LIB_ALLOCATION_PARETO_BOUNDS_H
