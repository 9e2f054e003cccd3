//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codes that index a table: the text forms, and the host's encode and decode,
// which is the oracle for CodebookEmit.cpp. Codebook.td draws the payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Codebook/Codebook.h"
#include "dialects/MPQ/Formats/Codebook/Table.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mpq;

/// Bits of a code of the table `name`; 0: there is no such table.
static unsigned getTableBits(StringRef name) {
  if (ArrayRef<float> levels = lookupTable(name); !levels.empty())
    return llvm::Log2_64(levels.size());
  unsigned bits = 0;
  if (!name.consume_front("kmeans") || name.getAsInteger(10, bits) ||
      bits < 2 || bits > 8)
    return 0;
  return bits;
}

//===----------------------------------------------------------------------===//
// As an attribute: #mpq.codebook<nf4, group = 32, f16>
//===----------------------------------------------------------------------===//

LogicalResult
CodebookFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                           StringRef table, int64_t group, bool halfScale) {
  if (!getTableBits(table))
    return emitError() << "unknown codebook '" << table << "', expected "
                       << llvm::join(getTableNames(), ", ")
                       << " or kmeans2 to kmeans8";
  if (group < -1)
    return emitError() << "a group is -1 (the tensor), 0 (the row) or a number "
                          "of weights, not "
                       << group;
  return success();
}

Attribute CodebookFormatAttr::parse(AsmParser &parser, Type) {
  StringRef table;
  int64_t group = 0;
  bool half = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&table) ||
      GroupedPayload::parseParameters(parser, group, half))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    table, group, half);
}

void CodebookFormatAttr::print(AsmPrinter &printer) const {
  printer << '<' << getTable();
  if (getGroup() != 0)
    printer << ", group = " << getGroup();
  if (getHalfScale())
    printer << ", f16";
  printer << '>';
}

//===----------------------------------------------------------------------===//
// As a spelling: nf4:g32:f16
//===----------------------------------------------------------------------===//

std::string CodebookFormatAttr::getSpelling() const {
  return getTable().str() + getParts().getSuffix() +
         (getHalfScale() ? ":f16" : "");
}

namespace {
struct CodebookFormatParser final : FormatParser {
  std::string getSyntax() const override {
    return llvm::join(getTableNames(), "|") +
           "|kmeans2..kmeans8[:gN|:tensor][:f16]";
  }

  llvm::Expected<FormatAttrInterface>
  parse(StringRef spelling, MLIRContext *context) const override {
    StringRef table = spelling.split(':').first;
    unsigned bits = getTableBits(table);
    if (!bits && table.starts_with("kmeans"))
      return llvm::createStringError(
          "number format '" + spelling +
          "': learned tables have 2 to 8 bits, not '" +
          table.drop_front(StringRef("kmeans").size()) + "'; it is written " +
          getSyntax());
    if (!bits)
      return FormatAttrInterface();
    llvm::Expected<GroupedPayload> parts =
        GroupedPayload::parseSuffix(spelling, bits, getSyntax());
    if (!parts)
      return parts.takeError();
    return cast<FormatAttrInterface>(Attribute(CodebookFormatAttr::get(
        context, table, parts->group, parts->scaleType == ScaleType::F16)));
  }
};
} // namespace

namespace mpq {
void registerFormatCodebook() {
  Registry<FormatParser>::get().add("codebook",
                                    std::make_unique<CodebookFormatParser>());
}
} // namespace mpq

//===----------------------------------------------------------------------===//
// Layout of the payload
//===----------------------------------------------------------------------===//

unsigned CodebookFormatAttr::getCodeBits() const {
  return getTableBits(getTable());
}

GroupedPayload CodebookFormatAttr::getParts() const {
  return {getCodeBits(), getGroup(),
          getHalfScale() ? ScaleType::F16 : ScaleType::F32,
          /*isBase3=*/getTable() == "ternary"};
}

ArrayRef<float> CodebookFormatAttr::getLevels() const {
  return lookupTable(getTable());
}

int64_t CodebookFormatAttr::getStorageBytes(int64_t rows, int64_t k) const {
  int64_t table = isLearned() ? 4 << getCodeBits() : 0;
  return getParts().getEnd(rows, k) + table;
}

//===----------------------------------------------------------------------===//
// Integer levels
//===----------------------------------------------------------------------===//

static bool isInteger(ArrayRef<float> levels) {
  return !levels.empty() && llvm::all_of(levels, [](float level) {
    return level == std::trunc(level);
  });
}

/// Tables with fractions have no integer group.
int64_t CodebookFormatAttr::getIntegerGroup(int64_t k) const {
  return isInteger(getLevels()) ? getParts().getGroupLength(k) : 0;
}

std::pair<int64_t, int64_t> CodebookFormatAttr::getLevelRange() const {
  if (!isInteger(getLevels()))
    return {0, 0};
  auto [low, high] =
      std::minmax_element(getLevels().begin(), getLevels().end());
  return {int64_t(*low), int64_t(*high)};
}

/// The greatest distance of which all levels are multiples, from the smallest.
int64_t CodebookFormatAttr::getLevelStep() const {
  if (!isInteger(getLevels()))
    return 1;
  int64_t step = 0, low = getLevelRange().first;
  for (float level : getLevels())
    step = std::gcd(step, int64_t(level) - low);
  return std::max<int64_t>(step, 1);
}

//===----------------------------------------------------------------------===//
// Encode and decode
//===----------------------------------------------------------------------===//

/// Calls `visit(scale index, first weight, number of weights)` for all groups
/// of a row (`row` < 0: for the tensor).
static void forGroups(const GroupedPayload &parts, int64_t rows, int64_t k,
                      int64_t row,
                      function_ref<void(int64_t, int64_t, int64_t)> visit) {
  if (row < 0)
    return visit(0, 0, rows * k);
  int64_t length = std::max<int64_t>(parts.getGroupLength(k), 1);
  for (int64_t begin = 0; begin < k; begin += length)
    visit(parts.getScaleIndex(k, row, begin), row * k + begin,
          std::min(length, k - begin));
}

static float getLargest(ArrayRef<float> values) {
  float largest = 0;
  for (float value : values)
    if (std::isfinite(value))
      largest = std::max(largest, std::abs(value));
  return largest;
}

/// The table that suits the weights, each divided by the largest magnitude of
/// its group and weighted by the square of that (relative to the tensor's
/// largest), which is its part in the error of the tensor.
static SmallVector<float> learnTable(const GroupedPayload &parts,
                                     ArrayRef<float> weights, int64_t rows,
                                     int64_t k) {
  std::vector<float> values(weights.size()), importance(weights.size());
  float whole = getLargest(weights);
  auto normalize = [&](int64_t, int64_t begin, int64_t count) {
    float largest = getLargest(weights.slice(begin, count));
    float part = largest / whole;
    for (int64_t i = begin; i < begin + count; ++i) {
      bool counts = largest > 0 && std::isfinite(weights[i]);
      values[i] = counts ? weights[i] / largest : 0;
      importance[i] = counts ? part * part : 0;
    }
  };
  for (int64_t row = parts.group < 0 ? -1 : 0;
       row < (parts.group < 0 ? 0 : rows); ++row)
    forGroups(parts, rows, k, row, normalize);
  return learnLevels(values, importance, parts.bits);
}

void CodebookFormatAttr::encode(ArrayRef<float> weights, int64_t rows,
                                int64_t k,
                                MutableArrayRef<char> payload) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  GroupedPayload parts = getParts();
  llvm::fill(payload, 0);
  SmallVector<float> table(getLevels());
  if (isLearned()) {
    table = learnTable(parts, weights, rows, k);
    for (auto [i, level] : llvm::enumerate(table))
      llvm::support::endian::write32le(payload.data() + parts.getEnd(rows, k) +
                                           4 * i,
                                       llvm::bit_cast<uint32_t>(level));
  }
  NearestLevel levels(table);
  float largest = getLargest(table);
  if (largest == 0) // of weights that are all zero
    largest = 1;
  auto encodeGroups = [&](int64_t row) {
    forGroups(
        parts, rows, k, row, [&](int64_t index, int64_t begin, int64_t count) {
          float scale = chooseCodebookScale(weights.slice(begin, count), levels,
                                            largest, parts.scaleType);
          parts.setScale(payload, rows, k, index, scale);
          for (int64_t i = begin; i < begin + count; ++i)
            parts.setCode(payload, k, i / k, i % k,
                          levels.code(double(weights[i]) / scale));
        });
  };
  if (getGroup() < 0)
    return encodeGroups(-1);
  // Rows share neither bytes nor scales. A small matrix is not worth a thread.
  if (rows * k >= 4096)
    return parallelFor(getContext(), 0, rows, encodeGroups);
  for (int64_t row = 0; row < rows; ++row)
    encodeGroups(row);
}

void CodebookFormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k,
                                MutableArrayRef<float> weights) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  GroupedPayload parts = getParts();
  SmallVector<float> table(getLevels());
  for (int64_t i = 0; isLearned() && i < int64_t(1) << parts.bits; ++i)
    table.push_back(llvm::bit_cast<float>(llvm::support::endian::read32le(
        payload.data() + parts.getEnd(rows, k) + 4 * i)));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column)
      weights[row * k + column] =
          parts.getScale(payload, rows, k,
                         parts.getScaleIndex(k, row, column)) *
          table[parts.getCode(payload, k, row, column)];
}
