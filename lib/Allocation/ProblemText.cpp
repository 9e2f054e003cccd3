//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The textual form of an allocation problem. By example, in Problem.h; as
// rules:
//
//     budget <name> (<limit> | -)
//     site <name> [tie <name>]
//       choice <name> <budget>=<cost>... error=<number>
//
// Budgets come first. A choice gives every budget's cost once, in any order.
//
//===----------------------------------------------------------------------===//
#include "TextReader.h"
#include "mpq/Allocation/Problem.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

namespace {
class ProblemParser {
public:
  ProblemParser(TextReader &reader) : reader(reader) {}
  Expected<AllocationProblem> run();

private:
  Error parseLine();
  Error parseBudget();
  Error parseSite();
  Error parseChoice();
  Error parseValue(StringRef key, Choice &choice, SmallVectorImpl<bool> &seen);

  /// The next blank-separated part of the line; empty at its end.
  StringRef takeWord();
  Error takeNameInto(std::string &name);
  Error expectEnd();

  TextReader &reader;
  StringRef rest;
  AllocationProblem problem;
};
} // namespace

StringRef ProblemParser::takeWord() {
  rest = rest.ltrim();
  StringRef word = rest.take_until([](char c) { return isSpace(c); });
  rest = rest.drop_front(word.size());
  return word;
}

Error ProblemParser::takeNameInto(std::string &name) {
  rest = rest.ltrim();
  Expected<std::string> taken = takeName(rest);
  if (!taken)
    return reader.error(toString(taken.takeError()));
  name = std::move(*taken);
  return Error::success();
}

Error ProblemParser::expectEnd() {
  rest = rest.ltrim();
  if (rest.empty() || rest.starts_with("#"))
    return Error::success();
  return reader.error("unexpected '" + rest.rtrim() + "' at the end");
}

Error ProblemParser::parseBudget() {
  Budget budget;
  if (Error error = takeNameInto(budget.name))
    return error;
  if (budget.name == "error")
    return reader.error("a budget cannot be named 'error'");
  if (!problem.sites.empty())
    return reader.error("budget '" + budget.name + "' comes after a site");
  for (const Budget &other : problem.budgets)
    if (other.name == budget.name)
      return reader.error("budget '" + budget.name + "' is given twice");
  StringRef limit = takeWord();
  int64_t value;
  if (limit != "-") {
    if (limit.getAsInteger(10, value) || value < 0)
      return reader.error("the limit of budget '" + budget.name +
                          "' is an integer of at least 0 or '-', not '" +
                          limit + "'");
    budget.limit = value;
  }
  problem.budgets.push_back(std::move(budget));
  return expectEnd();
}

Error ProblemParser::parseSite() {
  AllocationSite site;
  if (Error error = takeNameInto(site.name))
    return error;
  rest = rest.ltrim();
  if (!rest.empty() && !rest.starts_with("#")) {
    StringRef word = takeWord();
    if (word != "tie")
      return reader.error("expected 'tie' or the end of the line, found '" +
                          word + "'");
    if (Error error = takeNameInto(site.tie))
      return error;
  }
  problem.sites.push_back(std::move(site));
  return expectEnd();
}

/// Reads the number after `key=`.
Error ProblemParser::parseValue(StringRef key, Choice &choice,
                                SmallVectorImpl<bool> &seen) {
  size_t column = 0;
  while (column < problem.budgets.size() && key != problem.budgets[column].name)
    ++column;
  bool isError = key == "error";
  if (column == problem.budgets.size() && !isError)
    return reader.error("choice '" + choice.name + "' gives '" + key +
                        "', which is neither a budget nor 'error'");
  if (std::exchange(seen[column], true))
    return reader.error("choice '" + choice.name + "' gives '" + key +
                        "' twice");
  StringRef text = takeWord();
  if (isError ? !readNumber(text, choice.error)
              : text.getAsInteger(10, choice.costs[column]))
    return reader.error("'" + key + "' of choice '" + choice.name + "' is '" +
                        text + "', not " +
                        (isError ? "a number" : "an integer"));
  return Error::success();
}

Error ProblemParser::parseChoice() {
  if (problem.sites.empty())
    return reader.error("a choice comes before the first site");
  Choice choice;
  if (Error error = takeNameInto(choice.name))
    return error;
  choice.costs.assign(problem.budgets.size(), 0);
  SmallVector<bool> seen(problem.budgets.size() + 1, false);
  while (true) {
    rest = rest.ltrim();
    if (rest.empty() || rest.starts_with("#"))
      break;
    std::string key;
    if (Error error = takeNameInto(key))
      return error;
    if (!rest.consume_front("="))
      return reader.error("expected '=' after '" + key + "'");
    if (Error error = parseValue(key, choice, seen))
      return error;
  }
  for (auto [column, given] : enumerate(seen))
    if (!given)
      return reader.error("choice '" + choice.name + "' does not give '" +
                          (column < problem.budgets.size()
                               ? problem.budgets[column].name
                               : "error") +
                          "'");
  problem.sites.back().choices.push_back(std::move(choice));
  return Error::success();
}

Error ProblemParser::parseLine() {
  rest = reader.line();
  StringRef keyword = takeWord();
  if (keyword.empty() || keyword.starts_with("#"))
    return Error::success();
  if (keyword == "budget")
    return parseBudget();
  if (keyword == "site")
    return parseSite();
  if (keyword == "choice")
    return parseChoice();
  return reader.error("expected 'budget', 'site' or 'choice', found '" +
                      keyword + "'" +
                      suggestion(keyword, {"budget", "site", "choice"}));
}

Expected<AllocationProblem> ProblemParser::run() {
  while (reader.next())
    if (Error error = parseLine())
      return std::move(error);
  if (Error error = reader.takeError())
    return std::move(error);
  return std::move(problem);
}

Expected<AllocationProblem> AllocationProblem::parse(MemoryBufferRef text) {
  Expected<TextReader> reader = TextReader::create(text);
  if (!reader)
    return reader.takeError();
  return ProblemParser(*reader).run();
}

void AllocationProblem::print(raw_ostream &os) const {
  for (const Budget &budget : budgets) {
    os << "budget ";
    printName(os, budget.name);
    if (budget.limit)
      os << ' ' << *budget.limit << '\n';
    else
      os << " -\n";
  }
  for (const AllocationSite &site : sites) {
    os << "site ";
    printName(os, site.name);
    if (!site.tie.empty()) {
      os << " tie ";
      printName(os, site.tie);
    }
    os << '\n';
    for (const Choice &choice : site.choices) {
      os << "  choice ";
      printName(os, choice.name);
      for (auto [budget, cost] : zip_equal(budgets, choice.costs)) {
        os << ' ';
        printName(os, budget.name);
        os << '=' << cost;
      }
      os << " error=";
      printNumber(os, choice.error);
      os << '\n';
    }
  }
}
