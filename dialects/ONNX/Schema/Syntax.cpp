//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one syntax of all ops of the dialect:
//
//   %r = onnx.Op(%a, _, %c) {axis = 1, pads = [0, 1]} ({ region }, ...)
//       : (type of a, type of c) -> type of r
//
// An attribute that the schema knows is printed without its type, since the
// schema says it; any other attribute in MLIR's own syntax. An op without
// operands is printed without the parentheses and the arrow.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"

using namespace mlir;

namespace mpq::onnx {

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static void printSchemaAttribute(OpAsmPrinter &p, AttrKind kind,
                                 Attribute attribute) {
  if (auto value = dyn_cast<IntegerAttr>(attribute);
      value && kind == AttrKind::Int)
    p << value.getInt();
  else if (auto value = dyn_cast<FloatAttr>(attribute);
           value && kind == AttrKind::Float)
    p.printFloat(value.getValue());
  else if (auto value = dyn_cast<DenseI64ArrayAttr>(attribute);
           value && kind == AttrKind::Ints)
    p << '[' << value.asArrayRef() << ']';
  else if (auto value = dyn_cast<DenseF32ArrayAttr>(attribute);
           value && kind == AttrKind::Floats) {
    p << '[';
    llvm::interleaveComma(value.asArrayRef(), p,
                          [&](float f) { p.printFloat(APFloat(f)); });
    p << ']';
  } else
    p.printAttribute(attribute);
}

/// Parses `[element, ...]`; each element as an attribute of type `type`.
template <typename AttrT, typename T, typename Get>
static ParseResult parseArray(OpAsmParser &parser, Type type, Get get,
                              SmallVectorImpl<T> &values) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    AttrT element;
    if (parser.parseAttribute(element, type))
      return failure();
    values.push_back(get(element));
    return success();
  });
}

static ParseResult parseSchemaAttribute(OpAsmParser &parser,
                                        const AttributeSchema *schema,
                                        Attribute &result) {
  Builder &b = parser.getBuilder();
  if (schema && schema->kind == AttrKind::Int)
    return parser.parseAttribute(result, b.getI64Type());
  if (schema && schema->kind == AttrKind::Float)
    return parser.parseAttribute(result, b.getF32Type());
  if (schema && schema->kind == AttrKind::Ints) {
    SmallVector<int64_t> values;
    if (parseArray<IntegerAttr>(
            parser, b.getI64Type(), [](IntegerAttr a) { return a.getInt(); },
            values))
      return failure();
    result = b.getDenseI64ArrayAttr(values);
    return success();
  }
  if (schema && schema->kind == AttrKind::Floats) {
    SmallVector<float> values;
    if (parseArray<FloatAttr>(
            parser, b.getF32Type(),
            [](FloatAttr a) { return a.getValue().convertToFloat(); }, values))
      return failure();
    result = b.getDenseF32ArrayAttr(values);
    return success();
  }
  return parser.parseAttribute(result);
}

/// An attribute of another class than its schema says would be dropped.
static bool isOfKind(AttrKind kind, Attribute attribute) {
  switch (kind) {
  case AttrKind::Int:
    return isa<IntegerAttr>(attribute);
  case AttrKind::Float:
    return isa<FloatAttr>(attribute);
  case AttrKind::String:
    return isa<StringAttr>(attribute);
  case AttrKind::Ints:
    return isa<DenseI64ArrayAttr>(attribute);
  case AttrKind::Floats:
    return isa<DenseF32ArrayAttr>(attribute);
  case AttrKind::Strings:
    return isa<ArrayAttr>(attribute);
  case AttrKind::Tensor:
  case AttrKind::SparseTensor:
    return isa<ElementsAttr>(attribute);
  case AttrKind::Type:
    return isa<TypeAttr>(attribute);
  case AttrKind::Graph:
    return false;
  }
  return false;
}

static ParseResult parseAttributes(OpAsmParser &parser, const OpSchema &schema,
                                   OperationState &state) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::OptionalBraces, [&]() -> ParseResult {
        std::string name;
        SMLoc loc = parser.getCurrentLocation();
        if (parser.parseKeywordOrString(&name))
          return failure();
        Attribute value = parser.getBuilder().getUnitAttr();
        const AttributeSchema *known = schema.lookupAttribute(name);
        if (succeeded(parser.parseOptionalEqual()) &&
            parseSchemaAttribute(parser, known, value))
          return failure();
        if (known && !isOfKind(known->kind, value))
          return parser.emitError(loc) << "attribute '" << name
                                       << "' has a value of another kind than "
                                          "its schema says: "
                                       << value;
        if (state.attributes.get(name))
          return parser.emitError(loc)
                 << "attribute '" << name << "' is there twice";
        state.addAttribute(name, value);
        return success();
      });
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

/// `_` stands for an empty slot, which the parameter must allow.
static ParseResult parseEmptySlot(OpAsmParser &parser,
                                  ArrayRef<Parameter> parameters,
                                  size_t index) {
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword("_"))
    return failure();
  const Parameter *parameter = OpSchema::getParameter(parameters, index);
  if (!parameter || parameter->option != Option::Optional)
    return parser.emitError(loc, "only an optional parameter may be missing");
  return success();
}

/// The results: one, or a list in parentheses.
static ParseResult parseResults(OpAsmParser &parser, const OpSchema &schema,
                                SmallVectorImpl<Type> &slots) {
  auto parseOne = [&]() -> ParseResult {
    Type type;
    OptionalParseResult parsed = parser.parseOptionalType(type);
    if (parsed.has_value()
            ? failed(*parsed)
            : failed(parseEmptySlot(parser, schema.outputs, slots.size())))
      return failure();
    slots.push_back(type);
    return success();
  };
  if (failed(parser.parseOptionalLParen()))
    return parseOne();
  if (succeeded(parser.parseOptionalRParen()))
    return success();
  if (parser.parseCommaSeparatedList(parseOne))
    return failure();
  return parser.parseRParen();
}

static bool hasRegions(const OpSchema &schema) {
  return llvm::any_of(schema.attributes, [](const AttributeSchema &attribute) {
    return attribute.kind == AttrKind::Graph;
  });
}

/// `({...}, {...})`, one per attribute that is a graph.
static ParseResult parseRegions(OpAsmParser &parser, const OpSchema &schema,
                                OperationState &state) {
  if (!hasRegions(schema))
    return success();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
    return parser.parseRegion(*state.addRegion());
  });
}

ParseResult parseSchemaOp(OpAsmParser &parser, OperationState &state) {
  const OpSchema &schema = *lookupSchema(state.name.stripDialect());
  SmallVector<std::optional<OpAsmParser::UnresolvedOperand>> slots;
  auto parseOperand = [&]() -> ParseResult {
    OpAsmParser::UnresolvedOperand operand;
    OptionalParseResult parsed = parser.parseOptionalOperand(operand);
    if (parsed.has_value()) {
      slots.push_back(operand);
      return *parsed;
    }
    slots.push_back(std::nullopt);
    return parseEmptySlot(parser, schema.inputs, slots.size() - 1);
  };
  SMLoc loc = parser.getCurrentLocation();
  // A region follows in parentheses, so then the operands must have theirs.
  if (parser.parseCommaSeparatedList(hasRegions(schema)
                                         ? AsmParser::Delimiter::Paren
                                         : AsmParser::Delimiter::OptionalParen,
                                     parseOperand))
    return failure();
  OperationState scratch(state.location, state.name);
  if (parseAttributes(parser, schema, scratch))
    return failure();

  if (parseRegions(parser, schema, state))
    return failure();

  SmallVector<Type> operandTypes, resultSlots;
  if (parser.parseColon())
    return failure();
  if (!slots.empty()) {
    auto parseType = [&] {
      return parser.parseType(operandTypes.emplace_back());
    };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                       parseType) ||
        parser.parseArrow())
      return failure();
  }
  if (parseResults(parser, schema, resultSlots))
    return failure();

  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  for (const auto &slot : slots)
    if (slot)
      operands.push_back(*slot);
  SmallVector<Value> values;
  if (parser.resolveOperands(operands, operandTypes, loc, values))
    return failure();
  SmallVector<Value> valueSlots;
  auto next = values.begin();
  for (const auto &slot : slots)
    valueSlots.push_back(slot ? *next++ : Value());
  OperationState built(state.location, state.name);
  buildSchemaOp(built, resultSlots, valueSlots, scratch.attributes.getAttrs());
  state.operands = built.operands;
  state.types = built.types;
  state.attributes = built.attributes;
  return success();
}

//===----------------------------------------------------------------------===//
// Printer
//===----------------------------------------------------------------------===//

static void printAttributes(OpAsmPrinter &p, const OpSchema &schema,
                            Operation *op) {
  SmallVector<NamedAttribute> attributes;
  for (NamedAttribute attribute : op->getAttrs())
    if (!attribute.getName().strref().ends_with("SegmentSizes"))
      attributes.push_back(attribute);
  if (attributes.empty())
    return;
  p << " {";
  llvm::interleaveComma(attributes, p, [&](NamedAttribute attribute) {
    p.printKeywordOrString(attribute.getName());
    if (isa<UnitAttr>(attribute.getValue()))
      return;
    p << " = ";
    if (const auto *known = schema.lookupAttribute(attribute.getName()))
      printSchemaAttribute(p, known->kind, attribute.getValue());
    else
      p.printAttribute(attribute.getValue());
  });
  p << '}';
}

void printSchemaOp(OpAsmPrinter &p, Operation *op) {
  const OpSchema &schema = *lookupSchema(op->getName().stripDialect());
  SmallVector<Value> operands = getOperandSlots(op);
  SmallVector<Value> results = getResultSlots(op);
  if (!operands.empty() || hasRegions(schema)) {
    p << '(';
    llvm::interleaveComma(operands, p, [&](Value operand) {
      operand ? p.printOperand(operand) : void(p << '_');
    });
    p << ')';
  }
  printAttributes(p, schema, op);
  if (hasRegions(schema)) {
    p << " (";
    llvm::interleaveComma(op->getRegions(), p,
                          [&](Region &region) { p.printRegion(region); });
    p << ')';
  }
  p << " : ";
  if (!operands.empty())
    p << '(' << op->getOperandTypes() << ") -> ";
  bool list = results.size() != 1;
  if (list)
    p << '(';
  llvm::interleaveComma(results, p, [&](Value result) {
    result ? p.printType(result.getType()) : void(p << '_');
  });
  if (list)
    p << ')';
}

} // namespace mpq::onnx
