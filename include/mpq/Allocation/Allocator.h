//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The extension point for bit-allocation solvers. An implementation lives in
// lib/Allocation/<Name>/ and adds itself to `Registry<Allocator>`.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ALLOCATION_ALLOCATOR_H
#define MPQ_ALLOCATION_ALLOCATOR_H

#include "mpq/Allocation/Problem.h"
#include "mpq/Support/Registry.h"

namespace mpq {

/// A way to solve an `AllocationProblem`. Holds no state; the same problem
/// gives the same solution.
struct Allocator {
  virtual ~Allocator() = default;

  /// One line for help texts.
  virtual llvm::StringRef description() const = 0;

  /// Solves a problem that passed `check()`. An error says why this solver
  /// cannot (too large, too many budgets), or that no allocation keeps all
  /// limits together.
  virtual llvm::Expected<Solution>
  solve(const AllocationProblem &problem) const = 0;
};

/// Checks `problem`, solves it with the allocator called `name`, and verifies
/// what came out. The way for everybody to call a solver.
llvm::Expected<Solution> allocate(llvm::StringRef name,
                                  const AllocationProblem &problem);

/// Of the allocations whose error is at most `1 + slack` times the least one, the
/// cheapest in column `column` of the problem, to within 0.1 % of its cost.
///
/// For costs that nobody has set a limit to, but that are worth something: where
/// int8 activations lose next to nothing they should be taken for their speed.
/// By bisection over limits of that column, a dozen problems of the solver
/// called `name`; the result has the column's cost as its limit.
llvm::Expected<Solution> allocateCheapest(llvm::StringRef name,
                                          AllocationProblem problem,
                                          unsigned column, double slack);

} // namespace mpq

#endif // MPQ_ALLOCATION_ALLOCATOR_H
