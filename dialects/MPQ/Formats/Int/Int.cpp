//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Integers with scales: the text forms, the payload's layout, and the host's
// encode and decode, which is the oracle for IntEmit.cpp. Int.td draws the
// payload; mpq/Support/Quantization.h is the arithmetic.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Int/Int.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// As an attribute: #mpq.int<3, group = 32, asymmetric, f16>
//===----------------------------------------------------------------------===//

LogicalResult
IntFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      unsigned bits, int64_t group, bool asymmetric,
                      bool halfScale) {
  if (bits < 2 || bits > 8)
    return emitError() << "an integer format has 2 to 8 bits, not " << bits;
  if (group < -1)
    return emitError() << "a group is -1 (the tensor), 0 (the row) or a number "
                          "of weights, not "
                       << group;
  return success();
}

Attribute IntFormatAttr::parse(AsmParser &parser, Type) {
  unsigned bits = 0;
  int64_t group = 0;
  bool asymmetric = false, half = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseInteger(bits) ||
      GroupedPayload::parseParameters(
          parser, group, half, "'group', 'asymmetric' or 'f16'",
          [&](StringRef word) {
            return word == "asymmetric" ? (asymmetric = true) : false;
          }))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    bits, group, asymmetric, half);
}

void IntFormatAttr::print(AsmPrinter &printer) const {
  printer << '<' << getBits();
  if (getGroup() != 0)
    printer << ", group = " << getGroup();
  if (getAsymmetric())
    printer << ", asymmetric";
  if (getHalfScale())
    printer << ", f16";
  printer << '>';
}

//===----------------------------------------------------------------------===//
// As a spelling: int3:g32:asym:f16
//===----------------------------------------------------------------------===//

std::string IntFormatAttr::getSpelling() const {
  return "int" + std::to_string(getBits()) + getParts().getSuffix() +
         (getAsymmetric() ? ":asym" : "") + (getHalfScale() ? ":f16" : "");
}

namespace {
struct IntFormatParser final : FormatParser {
  std::string getSyntax() const override {
    return "int2..int8[:gN|:tensor][:asym][:f16]";
  }

  llvm::Expected<FormatAttrInterface>
  parse(StringRef spelling, MLIRContext *context) const override {
    StringRef digits = spelling.split(':').first;
    if (!digits.consume_front("int") || digits.empty() ||
        digits.find_first_not_of("0123456789") != StringRef::npos)
      return FormatAttrInterface();
    unsigned bits;
    if (digits.getAsInteger(10, bits) || bits < 2 || bits > 8)
      return llvm::createStringError(
          "number format '" + spelling + "': integers have 2 to 8 bits, not " +
          digits + "; it is written " + getSyntax());
    bool asymmetric = false;
    llvm::Expected<GroupedPayload> parts = GroupedPayload::parseSuffix(
        spelling, bits, getSyntax(), [&](StringRef part) {
          return part == "asym" ? (asymmetric = true) : false;
        });
    if (!parts)
      return parts.takeError();
    return cast<FormatAttrInterface>(Attribute(
        IntFormatAttr::get(context, bits, parts->group, asymmetric,
                           parts->scaleType == ScaleType::F16)));
  }
};
} // namespace

namespace mpq {
void registerFormatInt() {
  Registry<FormatParser>::get().add("int", std::make_unique<IntFormatParser>());
}
} // namespace mpq

//===----------------------------------------------------------------------===//
// Layout of the payload
//===----------------------------------------------------------------------===//

unsigned IntFormatAttr::getCodeBits() const { return getBits(); }

int64_t IntFormatAttr::getIntegerGroup(int64_t k) const {
  return getParts().getGroupLength(k);
}

std::pair<int64_t, int64_t> IntFormatAttr::getLevelRange() const {
  IntGrid grid = getGrid();
  if (getAsymmetric()) // the zero point may be any code
    return {-grid.maxCode(), grid.maxCode()};
  return {grid.minCode(), grid.maxCode()};
}

int64_t IntFormatAttr::getMaxCode() const { return (1 << getBits()) - 1; }

GroupedPayload IntFormatAttr::getParts() const {
  return {getBits(), getGroup(), getGrid().scaleType};
}

IntGrid IntFormatAttr::getGrid() const {
  return {getBits(), getAsymmetric(),
          getHalfScale() ? ScaleType::F16 : ScaleType::F32};
}

int64_t IntFormatAttr::getStorageBytes(int64_t rows, int64_t k) const {
  return getZeroPointsOffset(rows, k) +
         (getAsymmetric() ? getParts().getScaleCount(rows, k) : 0);
}

IntScale IntFormatAttr::getScaleAndZeroPoint(ArrayRef<char> payload,
                                             int64_t rows, int64_t k,
                                             int64_t index) const {
  IntScale scale{getParts().getScale(payload, rows, k, index), 0};
  if (getAsymmetric())
    scale.zeroPoint = uint8_t(payload[getZeroPointsOffset(rows, k) + index]);
  return scale;
}

void IntFormatAttr::setScaleAndZeroPoint(MutableArrayRef<char> payload,
                                         int64_t rows, int64_t k, int64_t index,
                                         IntScale scale) const {
  getParts().setScale(payload, rows, k, index, scale.scale);
  if (getAsymmetric())
    payload[getZeroPointsOffset(rows, k) + index] = char(scale.zeroPoint);
}

int32_t IntFormatAttr::getCode(ArrayRef<char> payload, int64_t k, int64_t row,
                               int64_t column) const {
  uint32_t code = getParts().getCode(payload, k, row, column);
  return getAsymmetric() ? code : llvm::SignExtend32(code, getBits());
}

void IntFormatAttr::setCode(MutableArrayRef<char> payload, int64_t k,
                            int64_t row, int64_t column, int32_t code) const {
  getParts().setCode(payload, k, row, column, code);
}

//===----------------------------------------------------------------------===//
// Encode and decode
//===----------------------------------------------------------------------===//

void IntFormatAttr::encode(ArrayRef<float> weights, int64_t rows, int64_t k,
                           MutableArrayRef<char> payload) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  IntGrid grid = getGrid();
  llvm::fill(payload, 0);
  auto encodeRun = [&](int64_t row, int64_t begin, int64_t end,
                       IntScale scale) {
    for (int64_t column = begin; column < end; ++column)
      setCode(payload, k, row, column,
              encodeInt(weights[row * k + column], scale, grid));
  };
  if (getGroup() < 0) {
    IntScale scale = chooseLeastSquares(weights, grid);
    setScaleAndZeroPoint(payload, rows, k, 0, scale);
    for (int64_t row = 0; row < rows; ++row)
      encodeRun(row, 0, k, scale);
    return;
  }
  int64_t step = std::max<int64_t>(getIntegerGroup(k), 1);
  auto encodeRow = [&](int64_t row) {
    for (int64_t begin = 0; begin < k; begin += step) {
      int64_t end = std::min(begin + step, k);
      IntScale scale =
          chooseLeastSquares(weights.slice(row * k + begin, end - begin), grid);
      setScaleAndZeroPoint(payload, rows, k, getParts().getScaleIndex(k, row, begin),
                           scale);
      encodeRun(row, begin, end, scale);
    }
  };
  // Rows share neither bytes nor scales. A small matrix is not worth a thread.
  if (rows * k >= 4096)
    return parallelFor(getContext(), 0, rows, encodeRow);
  for (int64_t row = 0; row < rows; ++row)
    encodeRow(row);
}

void IntFormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k,
                           MutableArrayRef<float> weights) const {
  assert(int64_t(weights.size()) == rows * k && "not rows x k weights");
  assert(int64_t(payload.size()) == getStorageBytes(rows, k));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column)
      weights[row * k + column] =
          decodeInt(getCode(payload, k, row, column),
                    getScaleAndZeroPoint(
                        payload, rows, k,
                        getParts().getScaleIndex(k, row, column)));
}
