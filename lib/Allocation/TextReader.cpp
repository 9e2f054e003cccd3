//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See TextReader.h.
//
//===----------------------------------------------------------------------===//
#include "TextReader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

Expected<TextReader> TextReader::create(MemoryBufferRef text) {
  if (text.getBufferSize() > maxBytes)
    return createStringError(formatv("{0}: error: the file has {1} bytes, at "
                                     "most {2} are read",
                                     text.getBufferIdentifier(),
                                     text.getBufferSize(), maxBytes)
                                 .str());
  TextReader reader(text);
  reader.rest.consume_front("\xEF\xBB\xBF");
  return reader;
}

bool TextReader::next() {
  if (rest.empty() || !problem.empty())
    return false;
  std::tie(current, rest) = rest.split('\n');
  ++lineNumber;
  current.consume_back("\r");
  if (current.size() > maxLineBytes)
    problem = formatv("the line has {0} bytes, at most {1} are read",
                      current.size(), maxLineBytes)
                  .str();
  else if (size_t at = current.find('\0'); at != StringRef::npos)
    problem = formatv("there is a NUL byte in column {0}", at + 1).str();
  return problem.empty();
}

Error TextReader::takeError() {
  return problem.empty() ? Error::success() : error(problem);
}

Error TextReader::error(const Twine &message) const {
  return errorAt(lineNumber, message);
}

Error TextReader::errorAt(unsigned line, const Twine &message) const {
  return createStringError(file + ":" + Twine(line) + ": error: " + message);
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static bool isPlainChar(char c) {
  return uint8_t(c) > ' ' && uint8_t(c) != 0x7f &&
         !StringRef("\"'\\#|=").contains(c);
}

void mpq::printName(raw_ostream &os, StringRef name) {
  if (!name.empty() && name != "-" && all_of(name, isPlainChar)) {
    os << name;
    return;
  }
  os << '"';
  for (char c : name) {
    if (c == '"' || c == '\\')
      os << '\\' << c;
    else if (uint8_t(c) < ' ' || uint8_t(c) == 0x7f)
      os << "\\x" << hexdigit(uint8_t(c) >> 4) << hexdigit(c & 15);
    else
      os << c;
  }
  os << '"';
}

/// Reads what follows a backslash.
static Expected<char> takeEscape(StringRef &text) {
  if (text.starts_with("\"") || text.starts_with("\\")) {
    char c = text.front();
    text = text.drop_front();
    return c;
  }
  if (text.size() >= 3 && text[0] == 'x' && isHexDigit(text[1]) &&
      isHexDigit(text[2])) {
    char c = char(hexDigitValue(text[1]) * 16 + hexDigitValue(text[2]));
    text = text.drop_front(3);
    return c;
  }
  return createStringError("a backslash is followed by none of \", \\ and xHH");
}

Expected<std::string> mpq::takeName(StringRef &text) {
  if (!text.consume_front("\"")) {
    StringRef name = text.take_while(isPlainChar);
    if (name.empty())
      return createStringError(text.empty() ? "expected a name"
                                            : "expected a name, found '" +
                                                  text.take_front() + "'");
    text = text.drop_front(name.size());
    return name.str();
  }
  std::string name;
  while (!text.empty()) {
    char c = text.front();
    text = text.drop_front();
    if (c == '"')
      return name;
    if (c == '\\') {
      Expected<char> escaped = takeEscape(text);
      if (!escaped)
        return escaped.takeError();
      c = *escaped;
    }
    name += c;
  }
  return createStringError("a quoted name does not end on its line");
}

std::string mpq::suggestion(StringRef name, ArrayRef<StringRef> known) {
  // A letter or two that went wrong, or a third of a long name.
  unsigned limit =
      name.size() < 3 ? 2 : std::max<size_t>(2, name.size() / 3) + 1;
  StringRef nearest;
  for (StringRef candidate : known) {
    unsigned distance = name.edit_distance(candidate, true, limit);
    if (distance < limit) {
      limit = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : (", did you mean '" + nearest + "'?").str();
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

bool mpq::readNumber(StringRef text, double &value) {
  // strtod takes leading blanks and hexadecimal floats too; a number here
  // starts like a decimal one.
  if (text.empty() || text.size() > 64 || isSpace(text.front()) ||
      text.contains_insensitive("x"))
    return false;
  std::string copy = text.str();
  char *end = nullptr;
  value = std::strtod(copy.c_str(), &end);
  return end == copy.c_str() + copy.size();
}

void mpq::printNumber(raw_ostream &os, double value) {
  SmallString<32> text;
  for (int digits : {6, 9, 12, 15, 16, 17}) {
    text.clear();
    raw_svector_ostream(text) << format("%.*g", digits, value);
    double back;
    if (readNumber(text, back) && back == value)
      break;
  }
  os << text;
}
