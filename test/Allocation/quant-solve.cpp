//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Solves textual allocation problems, for the tests of the solvers:
//
//   quant-solve [--solver=name] [--limit=budget=n]... [--work] file.alloc
//
// Without `--solver`, every solver takes part; they must agree, and the answer
// is printed once.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

namespace mpq {
void registerAllocatorBruteForce(mlir::DialectRegistry &);
void registerAllocatorPareto(mlir::DialectRegistry &);
} // namespace mpq

static void printSolution(const AllocationProblem &problem,
                          const Solution &solution, bool work) {
  outs() << "choices:";
  for (auto [site, choice] : zip_equal(problem.sites, solution.choices))
    outs() << ' ' << site.choices[choice].name;
  outs() << '\n';
  for (auto [budget, cost] : zip_equal(problem.budgets, solution.costs)) {
    outs() << budget.name << ": " << cost;
    if (budget.limit)
      outs() << " of " << *budget.limit;
    outs() << '\n';
  }
  outs() << format("error: %.6g\n", solution.error);
  if (work)
    outs() << format("bound: %.6g, gap %.4f\n", solution.bound, solution.gap())
           << "visited: " << solution.statesVisited
           << ", held: " << solution.statesHeld << '\n';
}

static Error run(StringRef path, StringRef solver, ArrayRef<std::string> limits,
                 bool work, bool print) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    return createStringError(path + ": " + file.getError().message());
  Expected<AllocationProblem> problem =
      AllocationProblem::parse((*file)->getMemBufferRef());
  if (!problem)
    return problem.takeError();
  for (StringRef limit : limits) {
    auto [name, value] = limit.split('=');
    int64_t number;
    auto budget = find_if(problem->budgets,
                          [&](const Budget &b) { return b.name == name; });
    if (budget == problem->budgets.end() || value.getAsInteger(10, number))
      return createStringError("--limit=" + limit + " names no budget");
    budget->limit = number;
  }
  if (print) {
    problem->print(outs());
    return Error::success();
  }
  if (!solver.empty()) {
    Expected<Solution> solution = allocate(solver, *problem);
    if (!solution)
      return solution.takeError();
    printSolution(*problem, *solution, work);
    return Error::success();
  }
  Expected<Solution> first = allocate("pareto", *problem);
  if (!first)
    return first.takeError();
  Expected<Solution> second = allocate("brute-force", *problem);
  if (!second)
    return second.takeError();
  if (first->choices != second->choices || first->error != second->error)
    return createStringError("the solvers disagree");
  printSolution(*problem, *first, work);
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::opt<std::string> path(cl::Positional, cl::desc("<file>"), cl::init("-"));
  cl::opt<std::string> solver("solver", cl::desc("Only this solver"));
  cl::list<std::string> limits("limit", cl::desc("Sets a limit, budget=n"));
  cl::opt<bool> work("work", cl::desc("Print bound and work"));
  cl::opt<bool> print("print", cl::desc("Only print the problem"));
  cl::ParseCommandLineOptions(argc, argv, "solves allocation problems\n");

  mlir::DialectRegistry registry;
  registerAllocatorPareto(registry);
  registerAllocatorBruteForce(registry);
  if (Error error = run(path, solver, limits, work, print)) {
    // A parser's message starts with the place and says 'error' itself.
    std::string message = toString(std::move(error));
    errs() << (StringRef(message).contains(": error: ") ? "" : "error: ")
           << message << '\n';
    return 1;
  }
  return 0;
}
