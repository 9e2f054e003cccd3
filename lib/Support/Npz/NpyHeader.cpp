//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads and writes the text at the start of a `.npy` file.
//
//===----------------------------------------------------------------------===//
#include "NpyHeader.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace llvm;
using namespace mpq;

static constexpr StringLiteral kMagic("\x93NUMPY");

/// A type with its name in headers: byte order ('|' where it does not matter),
/// kind, bytes.
static constexpr std::pair<NpyType, StringLiteral> kDescriptions[] = {
    {NpyType::Bool, "|b1"}, {NpyType::I8, "|i1"},  {NpyType::I16, "<i2"},
    {NpyType::I32, "<i4"},  {NpyType::I64, "<i8"}, {NpyType::U8, "|u1"},
    {NpyType::U16, "<u2"},  {NpyType::U32, "<u4"}, {NpyType::U64, "<u8"},
    {NpyType::F16, "<f2"},  {NpyType::F32, "<f4"}, {NpyType::F64, "<f8"}};

Expected<size_t> mpq::getNpyHeaderBytes(StringRef prefix) {
  if (!prefix.starts_with(kMagic) || prefix.size() < kMagic.size() + 4)
    return createStringError(
        "not a .npy array: it does not start with the .npy magic");
  unsigned major = uint8_t(prefix[6]), minor = uint8_t(prefix[7]);
  if (major == 1)
    return 10 + support::endian::read16le(prefix.data() + 8);
  if (major != 2 && major != 3)
    return createStringError("unsupported .npy version " + Twine(major) + "." +
                             Twine(minor));
  if (prefix.size() < kNpyPrefixBytes)
    return createStringError("the .npy header is cut short");
  return 12 + size_t(support::endian::read32le(prefix.data() + 8));
}

namespace {
/// Parser of the header's text: the literal of a Python dictionary with the
/// keys 'descr', 'fortran_order' and 'shape'.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  Expected<NpyHeader> parse() {
    if (!consume("{"))
      return fail("'{'");
    while (!consume("}")) {
      if (Error error = parseEntry())
        return std::move(error);
      if (consume(","))
        continue;
      if (!consume("}"))
        return fail("',' or '}'");
      break;
    }
    if (!rest.trim(" \n").empty())
      return fail("the end");
    if (seen != 7)
      return createStringError(
          "the .npy header misses one of 'descr', 'fortran_order' and 'shape'");
    return header;
  }

private:
  Error fail(const Twine &expected) {
    return createStringError("malformed .npy header: expected " + expected +
                             " before '" + rest.substr(0, 20).rtrim() + "'");
  }

  bool consume(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }

  Error parseString(StringRef &value) {
    rest = rest.ltrim();
    if (!rest.starts_with("'") && !rest.starts_with("\""))
      return fail("a string");
    size_t end = rest.find(rest[0], 1);
    if (end == StringRef::npos)
      return fail("the string's end");
    value = rest.slice(1, end);
    rest = rest.drop_front(end + 1);
    return Error::success();
  }

  Error parseEntry() {
    StringRef key;
    if (Error error = parseString(key))
      return error;
    if (!consume(":"))
      return fail("':'");
    if (key == "descr")
      return parseType();
    if (key == "fortran_order")
      return parseOrder();
    if (key == "shape")
      return parseShape();
    return createStringError("malformed .npy header: unknown key '" + key +
                             "'");
  }

  Error parseType() {
    seen |= 1;
    rest = rest.ltrim();
    if (rest.starts_with("["))
      return createStringError("structured element types are not supported");
    StringRef text;
    if (Error error = parseString(text))
      return error;
    for (auto [type, description] : kDescriptions)
      // One-byte types carry any byte order mark; '=' never stands in files.
      if (text == description ||
          (getByteSize(type) == 1 &&
           text.drop_front() == description.drop_front())) {
        header.type = type;
        return Error::success();
      }
    return createStringError("unsupported element type '" + text + "'" +
                             (text.starts_with(">") ? " (big-endian)"
                              : text == "|O"        ? " (Python objects)"
                                                    : ""));
  }

  Error parseOrder() {
    seen |= 2;
    header.fortranOrder = consume("True");
    if (!header.fortranOrder && !consume("False"))
      return fail("True or False");
    return Error::success();
  }

  Error parseShape() {
    seen |= 4;
    if (!consume("("))
      return fail("'('");
    header.shape.clear();
    while (!consume(")")) {
      uint64_t size;
      rest = rest.ltrim();
      if (rest.consumeInteger(10, size) ||
          size > uint64_t(std::numeric_limits<int64_t>::max()))
        return fail("a size");
      rest.consume_front("L"); // files of Python 2
      header.shape.push_back(int64_t(size));
      if (header.shape.size() > 64)
        return createStringError("the array has more than 64 dimensions");
      if (!consume(",") && !rest.ltrim().starts_with(")"))
        return fail("',' or ')'");
    }
    return Error::success();
  }

  StringRef rest;
  NpyHeader header;
  unsigned seen = 0;
};
} // namespace

Expected<NpyHeader> mpq::parseNpyHeader(StringRef header) {
  size_t prefix = header[6] == 1 ? 10 : 12;
  return HeaderParser(header.drop_front(prefix)).parse();
}

std::string mpq::writeNpyHeader(NpyType type, ArrayRef<int64_t> shape) {
  std::string text = "{'descr': '";
  for (auto [candidate, description] : kDescriptions)
    if (candidate == type)
      text += description.str();
  text += "', 'fortran_order': False, 'shape': (";
  for (int64_t size : shape)
    text += std::to_string(size) + ", ";
  // numpy writes (3,) and (3, 4).
  if (!shape.empty())
    text.resize(text.size() - (shape.size() == 1 ? 1 : 2));
  text += "), }";
  bool wide = text.size() + 1 + 10 + 64 > 0xffff;
  size_t prefix = wide ? 12 : 10;
  text.resize(alignTo(prefix + text.size() + 1, 64) - prefix - 1, ' ');
  text += '\n';
  std::string result = kMagic.str();
  result += wide ? '\2' : '\1';
  result += '\0';
  char length[4];
  support::endian::write32le(length, text.size());
  result.append(length, wide ? 4 : 2);
  return result + text;
}

Expected<uint64_t> mpq::getDataBytes(NpyType type, ArrayRef<int64_t> shape) {
  uint64_t bytes = getByteSize(type);
  // An empty array is empty whatever its other sizes are.
  if (is_contained(shape, 0))
    return 0;
  for (int64_t size : shape) {
    bool overflow = false;
    bytes = SaturatingMultiply(bytes, uint64_t(size), &overflow);
    if (overflow || bytes > uint64_t(std::numeric_limits<int64_t>::max()))
      return createStringError("the size of shape " + formatShape(shape) +
                               " overflows");
  }
  return bytes;
}
