//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The bit-allocation problem, as data: no IR, no solver.
//
// Every *site* (a weight that can be quantized) takes exactly one of its
// *choices* (number formats). A choice has a cost in each column of the problem
// and an error. Find the choices with the least total error whose total cost
// stays within the limit of every column:
//
//     minimise    sum over sites  error(site, choice(site))
//     subject to  sum over sites  cost_c(site, choice(site)) <= limit_c
//                 choice(s) = choice(t)        if s and t are tied
//
// That is the multiple-choice knapsack. A worked example with one column:
//
//                 int2            int4            int8          limit
//     conv1       10 B  err 9     20 B  err 1     40 B  err 0
//     conv2       30 B  err 2     60 B  err 1    120 B  err 0
//     fc           5 B  err 4     10 B  err 2     20 B  err 1   100 B
//
// The smallest model (all int2) needs 45 bytes. The best one takes conv1 =
// int8, conv2 = int2, fc = int8: 90 B, error 0 + 2 + 1 = 3. Uniform int4 needs
// 90 B too and errs by 4: what the last bytes buy differs from site to site,
// and that is all there is to mixed precision.
//
// Ties. Sites that must agree on their format (branches that are added, q/k/v
// that are one matrix product) carry the same tie name. They have the same list
// of choices, and count as one *group* whose costs and errors are the sums:
//
//     q "qkv"  int4 10 B err 1 |                         | qkv  int4 30 B err 6
//     k "qkv"  int4 10 B err 2 |  one decision, as if    |
//     v "qkv"  int4 10 B err 3 |
//
// Costs are integers in whatever unit the caller counts (bytes, bits, ns), so
// sums and comparisons with a limit are exact. A column without a limit is only
// reported. Errors are real, not negative, and additive by assumption; whether
// that assumption holds is measured elsewhere (a joint run of the chosen plan).
//
// Which optimum. Where several allocations have the least error, the answer is
// the one with the lowest cost in the first limited column (the first column if
// none is limited), then in the next, ..., then the one whose vector of choice
// indices is lexicographically smallest in the order of groups. So every exact
// solver gives the same answer. (As far as double arithmetic tells errors
// apart: the total is e0 + (e1 + (e2 + ...)) over groups for everybody.)
//
// As text (a `.alloc` file; `#` starts a comment, names are quoted if they are
// not plain words):
//
//     budget bytes 100
//     site conv1
//       choice int2 bytes=10 error=9
//       choice int4 bytes=20 error=1
//     site "layer1.0/q" tie qkv
//       choice int4 bytes=10 error=1
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ALLOCATION_PROBLEM_H
#define MPQ_ALLOCATION_PROBLEM_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mpq {

/// A column of costs, e.g. "bytes" or "ns", and the limit on their sum.
struct Budget {
  std::string name;
  std::optional<int64_t> limit;
};

/// One format that a site could take.
struct Choice {
  std::string name;
  llvm::SmallVector<int64_t, 2> costs; ///< one per budget
  double error = 0;
};

/// One decision to make. Sites with the same non-empty `tie` decide together.
struct AllocationSite {
  std::string name;
  std::string tie;
  std::vector<Choice> choices;
};

/// An allocation and how good it is known to be.
struct Solution {
  std::vector<unsigned> choices;       ///< per site, an index into its choices
  llvm::SmallVector<int64_t, 2> costs; ///< total per budget
  double error = 0;                    ///< total
  /// A lower bound on the error of every allocation within the budget, from the
  /// linear relaxation; `error - bound` bounds what is lost. An exact solver's
  /// `error` is optimal whatever the bound says.
  double bound = 0;
  bool optimal = false;
  /// What the work was: the number of partial allocations a solver looked at,
  /// and the most it held at a time.
  uint64_t statesVisited = 0;
  uint64_t statesHeld = 0;

  /// The gap to the bound, relative to the error; 0 if there is no error.
  double gap() const { return error > 0 ? (error - bound) / error : 0; }
};

/// Sites that decide together, in the order of their first member.
struct AllocationGroup {
  llvm::SmallVector<unsigned, 1> sites;
  /// As in a site, with costs and errors summed over the members.
  std::vector<Choice> choices;
};

struct AllocationProblem {
  std::vector<Budget> budgets;
  std::vector<AllocationSite> sites;

  /// Whether this is a problem that has a solution: every site has choices of
  /// different names with one cost per budget, no cost is negative and no sum
  /// of them overflows, errors are finite and not negative, tied sites have the
  /// same choices, and each limit can be kept on its own.
  llvm::Error check() const;

  /// Whether `solution` is an allocation of this problem: one valid choice per
  /// site, ties kept, every limit kept, totals as stated, and the bound not
  /// above the error. Says nothing about optimality. Does not trust the solver.
  llvm::Error verify(const Solution &solution) const;

  /// The merged groups of a problem that passed `check()`.
  std::vector<AllocationGroup> groups() const;

  /// The columns a solver looks at: those with a limit, or the first one.
  llvm::SmallVector<unsigned, 2> constrainedColumns() const;

  /// The solution that takes `groupChoices`, with its costs and error.
  Solution expand(llvm::ArrayRef<AllocationGroup> groups,
                  llvm::ArrayRef<unsigned> groupChoices) const;

  /// Reads the textual form. Errors are `file:line: error: ...`.
  static llvm::Expected<AllocationProblem> parse(llvm::MemoryBufferRef text);

  /// Writes the textual form; `parse` reads back an equal problem.
  void print(llvm::raw_ostream &os) const;
};

/// The total error of an allocation, summed as every solver must sum it.
double totalError(llvm::ArrayRef<AllocationGroup> groups,
                  llvm::ArrayRef<unsigned> groupChoices);

} // namespace mpq

#endif // MPQ_ALLOCATION_PROBLEM_H
