//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The checked call of a solver by name.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Allocator.h"

using namespace llvm;
using namespace mpq;

Expected<Solution> mpq::allocate(StringRef name,
                                 const AllocationProblem &problem) {
  const Registry<Allocator> &registry = Registry<Allocator>::get();
  Allocator *allocator = registry.lookup(name);
  if (!allocator)
    return createStringError("unknown allocator '" + name + "', known are " +
                             registry.names());
  if (Error error = problem.check())
    return std::move(error);
  Expected<Solution> solution = allocator->solve(problem);
  if (!solution)
    return solution.takeError();
  if (Error error = problem.verify(*solution))
    return createStringError("allocator '" + name +
                             "' is wrong: " + toString(std::move(error)));
  return solution;
}
