//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Text form and verification of the attributes that a module carries.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mpq;

void mpq::setStage(Operation *module, Stage stage) {
  module->setAttr(kStageAttr, StageAttr::get(module->getContext(), stage));
}

//===----------------------------------------------------------------------===//
// InterfaceAttr
//===----------------------------------------------------------------------===//

/// `("a" : tensor<?x4xf32>, ...)`.
static ParseResult parseTensors(AsmParser &parser, SmallVectorImpl<StringAttr> &names,
                                SmallVectorImpl<RankedTensorType> &types) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&]() -> ParseResult {
    std::string name;
    RankedTensorType type;
    if (parser.parseString(&name) || parser.parseColonType(type))
      return failure();
    names.push_back(StringAttr::get(parser.getContext(), name));
    types.push_back(type);
    return success();
  });
}

static void printTensors(AsmPrinter &printer, ArrayRef<StringAttr> names, ArrayRef<RankedTensorType> types) {
  printer << '(';
  llvm::interleaveComma(llvm::zip_equal(names, types), printer, [&](const auto &tensor) {
    printer << std::get<0>(tensor) << " : " << std::get<1>(tensor);
  });
  printer << ')';
}

Attribute InterfaceAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<StringAttr> inputNames, outputNames;
  SmallVector<RankedTensorType> inputTypes, outputTypes;
  bool sampleParallel = false;
  if (parser.parseLess() || parseTensors(parser, inputNames, inputTypes) || parser.parseArrow() ||
      parseTensors(parser, outputNames, outputTypes))
    return {};
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("sample_parallel"))
      return {};
    sampleParallel = true;
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<InterfaceAttr>(loc, parser.getContext(), ArrayRef(inputNames), ArrayRef(inputTypes),
                                          ArrayRef(outputNames), ArrayRef(outputTypes), sampleParallel);
}

void InterfaceAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printTensors(printer, getInputNames(), getInputTypes());
  printer << " -> ";
  printTensors(printer, getOutputNames(), getOutputTypes());
  if (getSampleParallel())
    printer << ", sample_parallel";
  printer << '>';
}

LogicalResult InterfaceAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<StringAttr> inputNames,
                                    ArrayRef<RankedTensorType> inputTypes, ArrayRef<StringAttr> outputNames,
                                    ArrayRef<RankedTensorType> outputTypes, bool sampleParallel) {
  if (inputNames.size() != inputTypes.size() || outputNames.size() != outputTypes.size())
    return emitError() << "interface has a different number of names and types";
  auto check = [&](StringRef kind, ArrayRef<StringAttr> names, ArrayRef<RankedTensorType> types) -> LogicalResult {
    for (auto [name, type] : llvm::zip_equal(names, types))
      if (!type.getElementType().isIntOrFloat())
        return emitError() << kind << " " << name << " has elements of type " << type.getElementType()
                           << " when they should be integers or floats";
      else if (sampleParallel && (type.getRank() == 0 || !type.isDynamicDim(0)))
        return emitError() << kind << " " << name << " is " << type
                           << " when its dimension 0 should be ?, as it runs over samples";
    return success();
  };
  return failure(failed(check("input", inputNames, inputTypes)) || failed(check("output", outputNames, outputTypes)));
}

//===----------------------------------------------------------------------===//
// ResourceAttr, ResourceFileAttr
//===----------------------------------------------------------------------===//

LogicalResult ResourceAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t offset,
                                   int64_t size, StringRef checksum) {
  if (offset < 0 || size < 0)
    return emitError() << "resource \"" << name << "\" has size " << size << " at " << offset
                       << " when both should be 0 or more";
  if (checksum.size() != 16 || !llvm::all_of(checksum, llvm::isHexDigit))
    return emitError() << "resource \"" << name << "\" has the checksum \"" << checksum
                       << "\" when it should be 16 hexadecimal digits";
  return success();
}

LogicalResult ResourceFileAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t size,
                                       int64_t alignment, ArrayRef<ResourceAttr> resources) {
  if (name.empty() || name == "." || name == ".." || name.contains('/') || name.contains('\0'))
    return emitError() << "resource file \"" << name << "\" should be the name of a file beside the IR";
  if (alignment <= 0 || !llvm::isPowerOf2_64(alignment))
    return emitError() << "alignment is " << alignment << " when it should be a power of two";
  for (ResourceAttr resource : resources) {
    if (resource.getOffset() % alignment)
      return emitError() << "resource \"" << resource.getName() << "\" lies at " << resource.getOffset()
                         << " when it should be a multiple of " << alignment;
    if (resource.getSize() > size || resource.getOffset() > size - resource.getSize())
      return emitError() << "resource \"" << resource.getName() << "\" of " << resource.getSize() << " bytes at "
                         << resource.getOffset() << " runs over the end of a file of " << size << " bytes";
  }
  return success();
}
