//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The text of a plan; Plan.h shows it.
//
//===----------------------------------------------------------------------===//
#include "TextReader.h"
#include "mpq/Allocation/Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
class PlanParser {
public:
  PlanParser(TextReader &reader, StringRef file) : reader(reader) {
    plan.file = file.str();
  }
  Expected<Plan> run();

private:
  Error parseSite();
  Error takeColumn(StringRef column, std::string &text);
  Error expectBar(StringRef before, bool last = false);
  void takeReadOnlyColumns(PlanSite &site);
  Error checkAgainstEarlier(const PlanSite &site);

  TextReader &reader;
  StringRef rest;
  Plan plan;
  std::vector<std::string> comments;
  StringMap<size_t> lineOfSite, firstOfTie; ///< indices into plan.sites
};
} // namespace

Error PlanParser::takeColumn(StringRef column, std::string &text) {
  rest = rest.ltrim();
  Expected<std::string> taken = takeName(rest);
  if (!taken)
    return reader.error("column '" + column +
                        "': " + toString(taken.takeError()));
  text = std::move(*taken);
  return Error::success();
}

/// The bar after column `before`, or, after the last one that must be there,
/// the end of the line.
Error PlanParser::expectBar(StringRef before, bool last) {
  rest = rest.ltrim();
  if (rest.consume_front("|") || (last && rest.empty()))
    return Error::success();
  if (rest.empty())
    return reader.error("the line ends after column '" + before +
                        "'; it needs site | tie | weights | format | "
                        "activations");
  return reader.error("expected '|' after column '" + before + "', found '" +
                      rest.rtrim() + "'");
}

void PlanParser::takeReadOnlyColumns(PlanSite &site) {
  auto [bytes, evidence] = rest.split('|');
  uint64_t number;
  if (!bytes.trim().getAsInteger(10, number))
    site.bytes = number;
  site.evidence = evidence.trim().str();
}

Error PlanParser::checkAgainstEarlier(const PlanSite &site) {
  auto [earlier, isNew] = lineOfSite.try_emplace(site.name, plan.sites.size());
  if (!isNew)
    return reader.error("site '" + site.name + "' is already on line " +
                        Twine(plan.sites[earlier->second].line));
  if (site.tie.empty())
    return Error::success();
  size_t index =
      firstOfTie.try_emplace(site.tie, plan.sites.size()).first->second;
  if (index == plan.sites.size())
    return Error::success();
  const PlanSite &first = plan.sites[index];
  if (first.format != site.format)
    return reader.error("site '" + site.name + "' has format '" + site.format +
                        "', but '" + first.name + "' on line " +
                        Twine(first.line) + ", with the same tie '" + site.tie +
                        "', has '" + first.format + "'");
  return Error::success();
}

Error PlanParser::parseSite() {
  PlanSite site;
  std::string weights;
  site.line = reader.number();
  if (Error error = takeColumn("site", site.name))
    return error;
  if (Error error = expectBar("site"))
    return error;
  // A dash that is not quoted.
  rest = rest.ltrim();
  bool noTie =
      rest.starts_with("-") && rest.drop_front().ltrim().starts_with("|");
  if (Error error = takeColumn("tie", site.tie))
    return error;
  if (noTie)
    site.tie.clear();
  if (Error error = expectBar("tie"))
    return error;
  if (Error error = takeColumn("weights", weights))
    return error;
  if (StringRef(weights).getAsInteger(10, site.weights))
    return reader.error("column 'weights' is '" + weights +
                        "', not a number of weights");
  if (Error error = expectBar("weights"))
    return error;
  if (Error error = takeColumn("format", site.format))
    return error;
  if (Error error = expectBar("format"))
    return error;
  if (Error error = takeColumn("activations", site.activations))
    return error;
  if (Error error = expectBar("activations", /*last=*/true))
    return error;
  takeReadOnlyColumns(site);
  if (Error error = checkAgainstEarlier(site))
    return error;
  site.comments = std::move(comments);
  comments.clear();
  plan.sites.push_back(std::move(site));
  return Error::success();
}

Expected<Plan> PlanParser::run() {
  while (reader.next()) {
    rest = reader.line().ltrim();
    if (rest.empty() || rest.starts_with("#")) {
      comments.push_back(rest.rtrim().str());
      continue;
    }
    if (Error error = parseSite())
      return std::move(error);
  }
  if (Error error = reader.takeError())
    return std::move(error);
  plan.trailingComments = std::move(comments);
  return std::move(plan);
}

Expected<Plan> Plan::parse(MemoryBufferRef text) {
  Expected<TextReader> reader = TextReader::create(text);
  if (!reader)
    return reader.takeError();
  return PlanParser(*reader, text.getBufferIdentifier()).run();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// One line of text: blanks for line ends and other control characters, so that
/// whatever a model calls its parts cannot break the file.
static std::string oneLine(StringRef text) {
  std::string line = text.str();
  for (char &c : line)
    if (uint8_t(c) < ' ' || c == 0x7f)
      c = ' ';
  return StringRef(line).trim().str();
}

std::vector<std::string> Plan::makeHeader(ArrayRef<std::string> about) {
  std::vector<std::string> header;
  for (const std::string &line : about)
    header.push_back("# " + oneLine(line));
  header.push_back("#");
  header.push_back("# Edit the columns format and activations; the ones after "
                   "them are for reading.");
  header.push_back("# site | tie | weights | format | activations | bytes | "
                   "evidence");
  return header;
}

/// The columns of a line.
static SmallVector<std::string, 7> columnsOf(const PlanSite &site) {
  auto name = [](StringRef text) {
    std::string result;
    raw_string_ostream os(result);
    printName(os, text);
    return result;
  };
  return {name(site.name),
          site.tie.empty() ? "-" : name(site.tie),
          std::to_string(site.weights),
          name(site.format),
          name(site.activations),
          site.bytes ? std::to_string(*site.bytes) : "",
          oneLine(site.evidence)};
}

void Plan::print(raw_ostream &os) const {
  constexpr unsigned weightsColumn = 2, bytesColumn = 5;
  std::vector<SmallVector<std::string, 7>> lines;
  SmallVector<size_t, 7> widths(7, 0);
  for (const PlanSite &site : sites) {
    lines.push_back(columnsOf(site));
    for (auto [width, column] : zip_equal(widths, lines.back()))
      width = std::max(width, column.size());
  }
  for (auto [site, line] : zip_equal(sites, lines)) {
    for (StringRef comment : site.comments)
      os << comment << '\n';
    std::string text;
    for (auto [i, column] : enumerate(line)) {
      bool number = i == weightsColumn || i == bytesColumn;
      std::string padding(widths[i] - column.size(), ' ');
      text += (i ? " | " : "") + (number ? padding + column : column + padding);
    }
    os << StringRef(text).rtrim(' ') << '\n';
  }
  for (StringRef comment : trailingComments)
    os << comment << '\n';
}

std::string mpq::formatEvidence(StringRef metric,
                                ArrayRef<PlanEvidence> evidence) {
  std::string text;
  raw_string_ostream os(text);
  os << metric << ':';
  for (auto [i, entry] : enumerate(evidence)) {
    os << (i ? ", " : " ") << entry.format << ' ';
    os << format("%.3g", entry.error);
  }
  return text;
}
