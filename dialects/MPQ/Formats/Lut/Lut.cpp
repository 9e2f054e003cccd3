//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codes that index learned tables: the text forms, and the host's encode and
// decode, which is the oracle for LutEmit.cpp. Lut.td draws the payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Lut/Lut.h"
#include "dialects/MPQ/Formats/Levels.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Threading.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// As an attribute: #mpq.lut<4, group = 256, f16>
//===----------------------------------------------------------------------===//

LogicalResult
LutFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      unsigned bits, int64_t group, bool halfValues) {
  if (bits < 2 || bits > 8)
    return emitError() << "codes of learned tables have 2 to 8 bits, not "
                       << bits;
  if (group < -1)
    return emitError() << "a group is -1 (the tensor), 0 (the row) or a number "
                          "of weights, not "
                       << group;
  if (group > 0 && group < int64_t(1) << bits)
    return emitError() << "a table of " << (1 << bits)
                       << " values is for at least as many weights, not "
                       << group;
  return success();
}

Attribute LutFormatAttr::parse(AsmParser &parser, Type) {
  unsigned bits = 0;
  int64_t group = 0;
  bool half = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseInteger(bits) ||
      GroupedPayload::parseParameters(parser, group, half))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    bits, group, half);
}

void LutFormatAttr::print(AsmPrinter &printer) const {
  printer << '<' << getBits();
  if (getGroup() != 0)
    printer << ", group = " << getGroup();
  if (getHalfValues())
    printer << ", f16";
  printer << '>';
}

//===----------------------------------------------------------------------===//
// As a spelling: lut4:g256:f16
//===----------------------------------------------------------------------===//

std::string LutFormatAttr::getSpelling() const {
  return "lut" + std::to_string(getBits()) + getParts().getSuffix() +
         (getHalfValues() ? ":f16" : "");
}

namespace {
struct LutFormatParser final : FormatParser {
  std::string getSyntax() const override {
    return "lut2..lut8[:gN|:tensor][:f16]";
  }

  llvm::Expected<FormatAttrInterface>
  parse(StringRef spelling, MLIRContext *context) const override {
    StringRef digits = spelling.split(':').first;
    if (!digits.consume_front("lut") || digits.empty() ||
        digits.find_first_not_of("0123456789") != StringRef::npos)
      return FormatAttrInterface();
    auto wrong = [&](const Twine &reason) {
      return llvm::createStringError("number format '" + spelling + "': " +
                                     reason + "; it is written " + getSyntax());
    };
    unsigned bits;
    if (digits.getAsInteger(10, bits) || bits < 2 || bits > 8)
      return wrong("codes of learned tables have 2 to 8 bits, not " + digits);
    llvm::Expected<GroupedPayload> parts =
        GroupedPayload::parseSuffix(spelling, bits, getSyntax());
    if (!parts)
      return parts.takeError();
    if (parts->group > 0 && parts->group < int64_t(1) << bits)
      return wrong("a table of " + Twine(1 << bits) +
                   " values is for at least as many weights, not " +
                   Twine(parts->group));
    return cast<FormatAttrInterface>(Attribute(LutFormatAttr::get(
        context, bits, parts->group, parts->scaleType == ScaleType::F16)));
  }
};
} // namespace

namespace mpq {
void registerFormatLut() {
  Registry<FormatParser>::get().add("lut", std::make_unique<LutFormatParser>());
}
} // namespace mpq

//===----------------------------------------------------------------------===//
// Layout of the payload
//===----------------------------------------------------------------------===//

unsigned LutFormatAttr::getCodeBits() const { return getBits(); }

GroupedPayload LutFormatAttr::getParts() const {
  return {getBits(), getGroup(),
          getHalfValues() ? ScaleType::F16 : ScaleType::F32};
}

int64_t LutFormatAttr::getStorageBytes(int64_t rows, int64_t k) const {
  GroupedPayload parts = getParts();
  return parts.getScalesOffset(rows, k) +
         parts.getScaleCount(rows, k) * getTableSize() * parts.getScaleBytes();
}

//===----------------------------------------------------------------------===//
// Encode and decode
//===----------------------------------------------------------------------===//

void LutFormatAttr::encode(ArrayRef<float> weights, int64_t rows, int64_t k,
                           MutableArrayRef<char> payload) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  GroupedPayload parts = getParts();
  llvm::fill(payload, 0);
  // The weights that share table `table`: `count` from `first` on.
  auto encodeTable = [&](int64_t table, int64_t first, int64_t count) {
    std::vector<float> values(count), importance(count, 1);
    for (int64_t i = 0; i < count; ++i)
      if (float value = weights[first + i]; std::isfinite(value))
        values[i] = value;
      else
        importance[i] = 0;
    SmallVector<float> levels = learnLevels(values, importance, getBits());
    for (auto [i, level] : llvm::enumerate(levels)) {
      level = roundScale(level, parts.scaleType);
      parts.setScale(payload, rows, k, table * getTableSize() + i, level);
    }
    NearestLevel nearest(levels);
    for (int64_t i = 0; i < count; ++i)
      parts.setCode(payload, k, (first + i) / k, (first + i) % k,
                    nearest.code(weights[first + i]));
  };
  if (getGroup() < 0)
    return encodeTable(0, 0, rows * k);
  int64_t length = std::max<int64_t>(parts.getGroupLength(k), 1);
  // Rows share neither bytes nor tables.
  parallelFor(getContext(), 0, rows, [&](int64_t row) {
    for (int64_t column = 0; column < k; column += length)
      encodeTable(parts.getScaleIndex(k, row, column), row * k + column,
                  std::min(length, k - column));
  });
}

void LutFormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k,
                           MutableArrayRef<float> weights) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  GroupedPayload parts = getParts();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column) {
      int64_t table = parts.getScaleIndex(k, row, column);
      weights[row * k + column] = parts.getScale(
          payload, rows, k,
          table * getTableSize() + parts.getCode(payload, k, row, column));
    }
}
