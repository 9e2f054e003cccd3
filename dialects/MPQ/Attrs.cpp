//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Text form and verification of the attributes and of the tensor type.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectImplementation.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Reals and dimension lists
//===----------------------------------------------------------------------===//

/// A real, `inf` or `-inf`.
static ParseResult parseReal(AsmParser &parser, double &value) {
  if (succeeded(parser.parseOptionalKeyword("inf"))) {
    value = INFINITY;
    return success();
  }
  SMLoc loc = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalMinus())) {
    if (succeeded(parser.parseOptionalKeyword("inf"))) {
      value = -INFINITY;
      return success();
    }
    if (failed(parser.parseFloat(value)))
      return parser.emitError(loc, "expected a real number");
    value = -value;
    return success();
  }
  return parser.parseFloat(value);
}

static void printReal(AsmPrinter &printer, double value) {
  if (std::isinf(value))
    printer << (value < 0 ? "-inf" : "inf");
  else
    printer.printFloat(APFloat(value));
}

static ParseResult parseSizes(AsmParser &parser, SmallVectorImpl<int64_t> &sizes) {
  return parser.parseDimensionList(sizes, /*allowDynamic=*/false,
                                   /*withTrailingX=*/false);
}

static ParseResult parseNamed(AsmParser &parser, StringRef name) {
  return failure(parser.parseComma() || parser.parseKeyword(name) ||
                 parser.parseEqual());
}

//===----------------------------------------------------------------------===//
// BlockedAttr
//===----------------------------------------------------------------------===//

Attribute BlockedAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> shape, border(4, 0);
  int64_t block;
  if (parser.parseLess() || parseSizes(parser, shape) ||
      parseNamed(parser, "block") || parser.parseInteger(block))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    border.clear();
    auto element = [&] { return parser.parseInteger(border.emplace_back()); };
    if (parser.parseKeyword("border") || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, element))
      return {};
    if (border.size() != 4) {
      parser.emitError(loc, "border takes 4 sizes (top, left, bottom, right), got ")
          << border.size();
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<BlockedAttr>(
      loc, parser.getContext(), ArrayRef<int64_t>(shape), block, border[0], border[1], border[2], border[3]);
}

void BlockedAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << ", block = " << getBlock();
  if (hasBorder())
    printer << ", border = [" << getTop() << ", " << getLeft() << ", "
            << getBottom() << ", " << getRight() << ']';
  printer << '>';
}

LogicalResult BlockedAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<int64_t> shape, int64_t block,
                                  int64_t top, int64_t left, int64_t bottom,
                                  int64_t right) {
  if (shape.size() != 4)
    return emitError() << "blocked layout needs 4 dimensions (N, C, H, W), got "
                       << shape.size();
  for (int64_t size : shape)
    if (size <= 0)
      return emitError() << "blocked layout has a dimension of size " << size;
  if (block <= 0)
    return emitError() << "block is " << block << " when it should be positive";
  for (int64_t size : {top, left, bottom, right})
    if (size < 0)
      return emitError() << "border has size " << size;
  return success();
}

SmallVector<int64_t> BlockedAttr::getPhysicalShape() const {
  return {getShape()[0], getChannelBlocks(), getPaddedHeight(),
          getPaddedWidth(), getBlock()};
}

RankedTensorType BlockedAttr::getTensorType(Type elementType) const {
  return RankedTensorType::get(getPhysicalShape(), elementType, *this);
}

//===----------------------------------------------------------------------===//
// UniformAttr, RangeAttr
//===----------------------------------------------------------------------===//

Attribute UniformAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  double scale = 0;
  int64_t zeroPoint = 0, group = 0, bits = 8;
  if (parser.parseLess())
    return {};
  bool isDynamic = succeeded(parser.parseOptionalKeyword("dynamic"));
  if (!isDynamic &&
      (parser.parseKeyword("scale") || parser.parseEqual() ||
       parseReal(parser, scale) || parseNamed(parser, "zero_point") ||
       parser.parseInteger(zeroPoint)))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    bool isGroup = isDynamic && succeeded(parser.parseOptionalKeyword("group"));
    if ((!isGroup && parser.parseKeyword("bits")) || parser.parseEqual() ||
        parser.parseInteger(isGroup ? group : bits))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<UniformAttr>(loc, parser.getContext(), Real(scale),
                                        zeroPoint, group, bits);
}

void UniformAttr::print(AsmPrinter &printer) const {
  if (isDynamic()) {
    printer << "<dynamic";
    if (isGrouped())
      printer << ", group = " << getGroup();
  } else {
    printer << "<scale = ";
    printReal(printer, getScale());
    printer << ", zero_point = " << getZeroPoint();
  }
  if (getBits() != 8)
    printer << ", bits = " << getBits();
  printer << '>';
}

LogicalResult UniformAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  Real scale, int64_t zeroPoint, int64_t group,
                                  int64_t bits) {
  if (bits < 1 || bits > 8)
    return emitError() << "codes have " << bits
                       << " bits when they should have 1 to 8";
  if (group && bits == 1)
    return emitError() << "codes of groups have 1 bit when they need 2, for a "
                          "level on either side of zero";
  if (group < 0)
    return emitError() << "group is " << group << " when it should be positive";
  if (!std::isfinite(scale.value) || scale < 0)
    return emitError() << "scale is " << scale.value << " when it should be positive";
  int64_t largest = (int64_t(1) << bits) - 1;
  if (zeroPoint < 0 || zeroPoint > largest)
    return emitError() << "zero point is " << zeroPoint
                       << " when it should be in [0, " << largest << "]";
  return success();
}

Attribute RangeAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  double min, max;
  if (parser.parseLess() || parseReal(parser, min) || parser.parseComma() ||
      parseReal(parser, max) || parser.parseGreater())
    return {};
  return parser.getChecked<RangeAttr>(loc, parser.getContext(), Real(min),
                                      Real(max));
}

void RangeAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printReal(printer, getMin());
  printer << ", ";
  printReal(printer, getMax());
  printer << '>';
}

LogicalResult RangeAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                Real min, Real max) {
  if (!(min <= max))
    return emitError() << "range runs from " << min.value << " to " << max.value;
  return success();
}

//===----------------------------------------------------------------------===//
// CandidateAttr
//===----------------------------------------------------------------------===//

Attribute CandidateAttr::parse(AsmParser &parser, Type) {
  FormatAttrInterface format;
  std::optional<Activations> activations;
  int64_t bytes = 0, nanoseconds = 0;
  double error = 0;
  std::string metric;
  if (parser.parseLess() || parser.parseAttribute(format) ||
      parser.parseComma())
    return {};
  if (succeeded(parser.parseOptionalKeyword("activations"))) {
    StringRef word;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseEqual() || parser.parseKeyword(&word) ||
        parser.parseComma())
      return {};
    activations = symbolizeActivations(word);
    if (!activations) {
      parser.emitError(loc, "activations are f32 or int8, not '")
          << word << "'";
      return {};
    }
  }
  if (parser.parseKeyword("bytes") || parser.parseEqual() ||
      parser.parseInteger(bytes))
    return {};
  bool more = succeeded(parser.parseOptionalComma());
  if (more && succeeded(parser.parseOptionalKeyword("ns"))) {
    if (parser.parseEqual() || parser.parseInteger(nanoseconds))
      return {};
    more = succeeded(parser.parseOptionalComma());
  }
  if (more && (parser.parseKeyword("error") || parser.parseEqual() ||
               parseReal(parser, error) || parseNamed(parser, "metric") ||
               parser.parseString(&metric)))
    return {};
  if (parser.parseGreater())
    return {};
  return get(parser.getContext(), format, activations, bytes, nanoseconds,
             error, metric);
}

void CandidateAttr::print(AsmPrinter &printer) const {
  printer << '<' << getFormat();
  if (getActivations())
    printer << ", activations = " << stringifyActivations(*getActivations());
  printer << ", bytes = " << getBytes();
  if (getNanoseconds())
    printer << ", ns = " << getNanoseconds();
  if (!getMetric().empty()) {
    printer << ", error = ";
    printReal(printer, getError());
    printer << ", metric = ";
    printer.printString(getMetric());
  }
  printer << '>';
}

std::string CandidateAttr::getLabel() const {
  std::string label = getFormat().getSpelling();
  if (getActivations())
    label +=
        (" with " + stringifyActivations(*getActivations()) + " activations")
            .str();
  return label;
}

CandidateAttr CandidateAttr::withNanoseconds(int64_t nanoseconds) const {
  return get(getContext(), getFormat(), getActivations(), getBytes(),
             nanoseconds, getError(), getMetric());
}

CandidateAttr CandidateAttr::withError(double error, StringRef metric) const {
  return get(getContext(), getFormat(), getActivations(), getBytes(),
             getNanoseconds(), Real(error), metric);
}

//===----------------------------------------------------------------------===//
// TensorType
//===----------------------------------------------------------------------===//

Type StoredTensorType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  int64_t axis;
  FormatAttrInterface format;
  if (parser.parseLess() || parseSizes(parser, shape) || parser.parseComma() ||
      parser.parseKeyword("axis") || parser.parseInteger(axis) ||
      parser.parseComma() || parser.parseAttribute(format) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<StoredTensorType>(
      loc, parser.getContext(), ArrayRef<int64_t>(shape), axis, format);
}

void StoredTensorType::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << ", axis " << getAxis() << ", " << getFormat() << '>';
}

LogicalResult StoredTensorType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, int64_t axis,
                                 FormatAttrInterface format) {
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitError() << "axis is " << axis << " for a tensor of rank "
                       << shape.size();
  return success();
}

int64_t StoredTensorType::getK() const {
  int64_t elements = 1;
  for (int64_t size : getShape())
    elements *= size;
  return getRows() ? elements / getRows() : 0;
}

int64_t StoredTensorType::getStorageBytes() const {
  return getFormat().getStorageBytes(getRows(), getK());
}

//===----------------------------------------------------------------------===//
// Codes of formats that store levels
//===----------------------------------------------------------------------===//

Value mpq::emitLowestZeroPoint(FormatAttrInterface format, OpBuilder &builder,
                               Location loc) {
  return arith::ConstantIntOp::create(builder, loc,
                                      -format.getLevelRange().first, 32);
}

Value mpq::emitCodeOfLevel(FormatAttrInterface format, OpBuilder &builder,
                           Location loc, Value level) {
  Value code = arith::AddIOp::create(builder, loc, level,
                                     emitLowestZeroPoint(format, builder, loc));
  if (int64_t step = format.getLevelStep(); step != 1)
    code = arith::DivUIOp::create(
        builder, loc, code, arith::ConstantIntOp::create(builder, loc, step, 32));
  return code;
}
