//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Solvers against brute force on random problems, and how the lists of the
// exact solver grow with the number of groups.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Allocator.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace llvm;
using namespace mpq;

namespace mpq {
void registerAllocatorBruteForce(mlir::DialectRegistry &);
void registerAllocatorPareto(mlir::DialectRegistry &);
} // namespace mpq

namespace {

/// What a random problem is like. Small ranges make many equal costs, equal
/// errors and equal totals.
struct Shape {
  unsigned maxSites, maxChoices, maxCost, maxError;
  bool integerErrors, ties;
};

class Solvers : public testing::Test {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerAllocatorPareto(registry);
    registerAllocatorBruteForce(registry);
  }

  // The standard's distributions differ between libraries; this does not.
  unsigned below(unsigned bound) { return random() % bound; }

  AllocationProblem make(const Shape &shape, unsigned budgets = 1) {
    AllocationProblem problem;
    for (unsigned i = 0; i < budgets; ++i)
      problem.budgets.push_back({formatv("budget{0}", i).str(), 0});
    unsigned sites = 1 + below(shape.maxSites);
    SmallVector<int64_t, 2> largest(budgets, 0);
    for (unsigned s = 0; s < sites; ++s) {
      AllocationSite site{formatv("site{0}", s).str(), "", {}};
      if (shape.ties && s > 0 && below(3) == 0) {
        AllocationSite &other = problem.sites[below(s)];
        if (other.tie.empty())
          other.tie = "tie of " + other.name;
        site.tie = other.tie;
        site.choices = other.choices;
      } else {
        site.choices.resize(1 + below(shape.maxChoices));
      }
      fill(site, shape, budgets);
      for (unsigned i = 0; i < budgets; ++i) {
        int64_t most = 0;
        for (const Choice &choice : site.choices)
          most = std::max(most, choice.costs[i]);
        largest[i] += most;
      }
      problem.sites.push_back(std::move(site));
    }
    for (unsigned i = 0; i < budgets; ++i)
      problem.budgets[i].limit = below(largest[i] + 1);
    return problem;
  }

  void fill(AllocationSite &site, const Shape &shape, unsigned budgets) {
    for (auto [number, choice] : enumerate(site.choices)) {
      choice.name = formatv("c{0}", number).str();
      choice.costs.clear();
      for (unsigned i = 0; i < budgets; ++i)
        choice.costs.push_back(below(shape.maxCost + 1));
      choice.error = below(shape.maxError + 1);
      if (!shape.integerErrors)
        choice.error = std::exp(choice.error / shape.maxError * 12 - 8) *
                       (1 + 1e-3 * below(1000));
    }
  }

  /// Compares the solvers on `count` problems. Returns how many had a solution.
  unsigned compare(const Shape &shape, unsigned count, unsigned budgets = 1) {
    unsigned solved = 0;
    for (unsigned i = 0; i < count; ++i) {
      AllocationProblem problem = make(shape, budgets);
      Expected<Solution> expected = allocate("brute-force", problem);
      Expected<Solution> actual = allocate("pareto", problem);
      std::string text;
      raw_string_ostream os(text);
      problem.print(os);
      if (!expected) {
        std::string reason = toString(expected.takeError());
        EXPECT_FALSE(bool(actual)) << text;
        EXPECT_EQ(toString(actual.takeError()), reason);
        continue;
      }
      ++solved;
      if (!actual) {
        ADD_FAILURE() << toString(actual.takeError()) << "\n" << text;
        continue;
      }
      EXPECT_EQ(actual->choices, expected->choices) << text;
      EXPECT_EQ(actual->costs, expected->costs) << text;
      EXPECT_EQ(actual->error, expected->error) << text;
      EXPECT_LE(actual->bound, actual->error) << text;
      EXPECT_TRUE(actual->optimal);
    }
    return solved;
  }

  std::minstd_rand random{1};
};

TEST_F(Solvers, AgreeOnIntegersWithManyTies) {
  EXPECT_GT(compare({8, 4, 3, 3, true, true}, 400), 200u);
}

TEST_F(Solvers, AgreeOnEqualCosts) {
  EXPECT_GT(compare({8, 4, 1, 20, true, false}, 200), 100u);
}

TEST_F(Solvers, AgreeOnRealErrors) {
  EXPECT_GT(compare({9, 4, 1000, 1000, false, true}, 500), 200u);
}

TEST_F(Solvers, AgreeOnManyGroupsOfTwo) {
  EXPECT_GT(compare({14, 2, 50, 100, false, false}, 100), 30u);
}

TEST_F(Solvers, AgreeOnTwoBudgets) {
  EXPECT_GT(compare({7, 4, 3, 3, true, true}, 1000, 2), 200u);
  EXPECT_GT(compare({8, 4, 1000, 1000, false, true}, 600, 2), 100u);
  EXPECT_GT(compare({12, 2, 30, 100, false, false}, 800, 2), 50u);
}

TEST_F(Solvers, TextReadsBackTheSame) {
  for (unsigned i = 0; i < 100; ++i) {
    AllocationProblem problem = make({6, 4, 1000, 1000, false, true}, 2);
    std::string first, second;
    raw_string_ostream a(first);
    problem.print(a);
    Expected<AllocationProblem> back =
        AllocationProblem::parse(MemoryBufferRef(first, "text"));
    ASSERT_TRUE(bool(back)) << toString(back.takeError());
    raw_string_ostream b(second);
    back->print(b);
    EXPECT_EQ(first, second);
    for (auto [site, other] : zip_equal(problem.sites, back->sites))
      for (auto [choice, otherChoice] : zip_equal(site.choices, other.choices))
        EXPECT_EQ(choice.error, otherChoice.error);
  }
}

/// Sizes as in networks: 2 to 8 bits, weights and sensitivities spread over
/// some orders of magnitude, errors falling by about 4 per bit.
AllocationProblem network(unsigned sites, std::minstd_rand &random) {
  auto uniform = [&] { return double(random() % 65536) / 65536; };
  AllocationProblem problem;
  int64_t weights = 0;
  for (unsigned s = 0; s < sites; ++s) {
    int64_t count = std::llround(std::exp(6 + 8 * uniform()));
    double sensitivity = std::exp(6 * uniform());
    AllocationSite site{formatv("site{0}", s).str(), "", {}};
    for (int bits : {2, 3, 4, 5, 6, 8})
      site.choices.push_back(
          {formatv("int{0}", bits).str(),
           {count * bits},
           sensitivity * std::pow(4.0, -bits) * (.7 + .6 * uniform())});
    weights += count;
    problem.sites.push_back(std::move(site));
  }
  problem.budgets.push_back({"bits", weights * 4});
  return problem;
}

TEST_F(Solvers, ListsGrowSlowlyWithTheGroups) {
  for (unsigned sites : {10, 25, 50, 100, 200, 400}) {
    AllocationProblem problem = network(sites, random);
    Expected<Solution> solution = allocate("pareto", problem);
    ASSERT_TRUE(bool(solution)) << toString(solution.takeError());
    outs() << formatv("{0} groups: {1} visited, {2} held, gap {3:F6}\n", sites,
                      solution->statesVisited, solution->statesHeld,
                      solution->gap());
    // The plain lists have about sites^2 / 2 pairs on such problems.
    EXPECT_LT(solution->statesHeld, 50u * sites);
    EXPECT_LT(solution->statesVisited, 10000u * sites);
  }
}

/// Bytes and a latency that only depends on them in part.
TEST_F(Solvers, ListsOfTwoBudgetsGrowSlowlyToo) {
  for (unsigned sites : {10, 20, 40, 60}) {
    AllocationProblem problem = network(sites, random);
    int64_t slowest = 0;
    for (AllocationSite &site : problem.sites) {
      double perBit = .2 + double(random() % 1000) / 1000;
      for (Choice &choice : site.choices)
        choice.costs.push_back(std::llround(choice.costs[0] * perBit +
                                            site.choices.back().costs[0] * .5));
      slowest += site.choices.back().costs[1];
    }
    problem.budgets.push_back({"ns", slowest * 63 / 100});
    Expected<Solution> solution = allocate("pareto", problem);
    ASSERT_TRUE(bool(solution)) << toString(solution.takeError());
    outs() << formatv("{0} groups, 2 budgets: {1} visited, {2} held, gap "
                      "{3:F6}\n",
                      sites, solution->statesVisited, solution->statesHeld,
                      solution->gap());
    EXPECT_LT(solution->statesHeld, 300u * sites);
    // The second budget matters.
    problem.budgets.back().limit.reset();
    EXPECT_LT(cantFail(allocate("pareto", problem)).error, solution->error);
  }
}

TEST_F(Solvers, BruteForceRefusesLargeProblems) {
  AllocationProblem problem = network(30, random);
  Expected<Solution> solution = allocate("brute-force", problem);
  ASSERT_FALSE(bool(solution));
  EXPECT_EQ(toString(solution.takeError()),
            "allocator 'brute-force' looks at up to 67108864 allocations, the "
            "problem of 30 groups has more");
}

TEST_F(Solvers, UnknownNamesAreErrors) {
  Expected<Solution> solution = allocate("simplex", AllocationProblem());
  ASSERT_FALSE(bool(solution));
  EXPECT_EQ(toString(solution.takeError()),
            "unknown allocator 'simplex', known are pareto, brute-force");
}

TEST_F(Solvers, NoSitesCostNothing) {
  AllocationProblem problem;
  problem.budgets.push_back({"bytes", 0});
  for (StringRef name : {"pareto", "brute-force"}) {
    Expected<Solution> solution = allocate(name, problem);
    ASSERT_TRUE(bool(solution)) << toString(solution.takeError());
    EXPECT_EQ(solution->error, 0);
    EXPECT_EQ(solution->costs[0], 0);
  }
}

/// `verify` trusts nobody.
TEST_F(Solvers, VerifyFindsWrongSolutions) {
  AllocationProblem problem;
  problem.budgets.push_back({"bytes", 30});
  problem.sites.push_back({"a", "t", {{"x", {10}, 2}, {"y", {20}, 1}}});
  problem.sites.push_back({"b", "t", {{"x", {10}, 2}, {"y", {20}, 1}}});
  Solution good;
  good.choices = {0, 0};
  good.costs = {20};
  good.error = 4;
  EXPECT_FALSE(bool(problem.verify(good)));
  auto reason = [&](auto change) {
    Solution solution = good;
    change(solution);
    return toString(problem.verify(solution));
  };
  EXPECT_EQ(reason([](Solution &s) { s.choices = {0}; }),
            "the solution has 1 choices for 2 sites");
  EXPECT_EQ(reason([](Solution &s) { s.choices = {0, 2}; }),
            "site 'b' takes choice 2 of 2");
  EXPECT_EQ(reason([](Solution &s) { s.choices = {0, 1}; }),
            "sites 'a' and 'b' are tied by 't' but take 'x' and 'y'");
  EXPECT_EQ(reason([](Solution &s) { s.costs = {19}; }),
            "the solution says it costs 19 bytes, but its choices cost 20");
  EXPECT_EQ(reason([](Solution &s) { s.choices = {1, 1}, s.costs = {40}; }),
            "the solution costs 40 bytes, but the budget is 30");
  EXPECT_EQ(reason([](Solution &s) { s.error = 3; }),
            "the solution says its error is 3, but its choices have 4");
  EXPECT_EQ(reason([](Solution &s) { s.bound = 5; }),
            "the solution's bound 5 is above its error 4");
}

} // namespace
