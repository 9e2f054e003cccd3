//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lookup in the schema tables, slots, element types, builder and verifier.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mpq::onnx {
namespace {
#include "dialects/ONNX/Schemas.inc"
} // namespace

//===----------------------------------------------------------------------===//
// Lookup
//===----------------------------------------------------------------------===//

const OpSchema *lookupSchema(StringRef name) {
  // The script sorts the table by name.
  const OpSchema *schema = llvm::lower_bound(
      kSchemas, name, [](const OpSchema &schema, StringRef name) {
        return schema.name < name;
      });
  return schema != std::end(kSchemas) && schema->name == name ? schema
                                                              : nullptr;
}

int64_t getNewestOpset() { return kNewestOpset; }

const AttributeSchema *OpSchema::lookupAttribute(StringRef attribute) const {
  const auto *it = llvm::find_if(attributes, [&](const AttributeSchema &a) {
    return a.name == attribute;
  });
  return it == attributes.end() ? nullptr : it;
}

const Parameter *OpSchema::getParameter(ArrayRef<Parameter> parameters,
                                        size_t index) {
  if (index < parameters.size())
    return &parameters[index];
  if (!parameters.empty() && parameters.back().option == Option::Variadic)
    return &parameters.back();
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

static bool isSegmented(ArrayRef<Parameter> parameters) {
  return llvm::count_if(parameters, [](const Parameter &p) {
           return p.option != Option::Single;
         }) > 1;
}

/// How many of `present` values each parameter has.
static SmallVector<int32_t> getSegments(Operation *op, StringRef attribute,
                                        ArrayRef<Parameter> parameters,
                                        size_t present) {
  if (isSegmented(parameters)) {
    auto sizes = op->getAttrOfType<DenseI32ArrayAttr>(attribute);
    if (sizes && static_cast<size_t>(sizes.size()) == parameters.size())
      return llvm::to_vector(sizes.asArrayRef());
    return {};
  }
  SmallVector<int32_t> segments;
  for (const Parameter &parameter : parameters)
    segments.push_back(parameter.option == Option::Single
                           ? 1
                           : present - (parameters.size() - 1));
  return segments;
}

static SmallVector<Value> getSlots(Operation *op, StringRef attribute,
                                   ArrayRef<Parameter> parameters,
                                   ValueRange values) {
  SmallVector<Value> slots;
  size_t next = 0;
  for (auto [parameter, size] : llvm::zip(
           parameters, getSegments(op, attribute, parameters, values.size()))) {
    if (size == 0 && parameter.option == Option::Optional)
      slots.push_back(nullptr);
    for (int32_t i = 0; i < size && next < values.size(); ++i)
      slots.push_back(values[next++]);
  }
  while (!slots.empty() && !slots.back())
    slots.pop_back();
  return slots;
}

SmallVector<Value> getOperandSlots(Operation *op) {
  return getSlots(op, "operandSegmentSizes",
                  lookupSchema(op->getName().stripDialect())->inputs,
                  op->getOperands());
}

SmallVector<Value> getResultSlots(Operation *op) {
  return getSlots(op, "resultSegmentSizes",
                  lookupSchema(op->getName().stripDialect())->outputs,
                  op->getResults());
}

/// Adds the segment sizes of `slots` to the attributes if the op needs them.
template <typename Range>
static void addSegments(OperationState &state, StringRef attribute,
                        ArrayRef<Parameter> parameters, Range &&slots) {
  if (!isSegmented(parameters))
    return;
  SmallVector<int32_t> sizes(parameters.size(), 0);
  for (auto [index, slot] : llvm::enumerate(slots))
    if (slot && !parameters.empty())
      ++sizes[std::min(index, parameters.size() - 1)];
  state.addAttribute(attribute,
                     DenseI32ArrayAttr::get(state.getContext(), sizes));
}

void buildSchemaOp(OperationState &state, TypeRange results,
                   ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  const OpSchema *schema = lookupSchema(state.name.stripDialect());
  for (Value operand : operands)
    if (operand)
      state.operands.push_back(operand);
  for (Type result : results)
    if (result)
      state.types.push_back(result);
  for (NamedAttribute attribute : attributes)
    if (!attribute.getName().strref().ends_with("SegmentSizes"))
      state.attributes.append(attribute);
  addSegments(state, "operandSegmentSizes", schema->inputs, operands);
  addSegments(state, "resultSegmentSizes", schema->outputs, results);
  for (const AttributeSchema &attribute : schema->attributes)
    if (attribute.kind == AttrKind::Graph)
      state.addRegion();
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

Type getElementType(int dataType, MLIRContext *context) {
  Builder b(context);
  auto unsignedType = [&](unsigned width) {
    return IntegerType::get(context, width, IntegerType::Unsigned);
  };
  switch (dataType) {
  case 1:
    return b.getF32Type();
  case 2:
    return unsignedType(8);
  case 3:
    return b.getI8Type();
  case 4:
    return unsignedType(16);
  case 5:
    return b.getI16Type();
  case 6:
    return b.getI32Type();
  case 7:
    return b.getI64Type();
  case 8:
    return StringType::get(context);
  case 9:
    return b.getI1Type();
  case 10:
    return b.getF16Type();
  case 11:
    return b.getF64Type();
  case 12:
    return unsignedType(32);
  case 13:
    return unsignedType(64);
  case 14:
    return ComplexType::get(b.getF32Type());
  case 15:
    return ComplexType::get(b.getF64Type());
  case 16:
    return b.getBF16Type();
  case 17:
    return Float8E4M3FNType::get(context);
  case 18:
    return Float8E4M3FNUZType::get(context);
  case 19:
    return Float8E5M2Type::get(context);
  case 20:
    return Float8E5M2FNUZType::get(context);
  case 21:
    return unsignedType(4);
  case 22:
    return b.getIntegerType(4);
  case 23:
    return Float4E2M1FNType::get(context);
  case 24:
    return Float8E8M0FNUType::get(context);
  case 25:
    return unsignedType(2);
  case 26:
    return b.getIntegerType(2);
  default:
    return {};
  }
}

int getDataType(Type elementType) {
  // One number beyond the last that getElementType knows.
  for (int dataType = 1; dataType < 27; ++dataType)
    if (getElementType(dataType, elementType.getContext()) == elementType)
      return dataType;
  return 0;
}

//===----------------------------------------------------------------------===//
// Verifier
//===----------------------------------------------------------------------===//

static std::string describe(const TypeSet &types, MLIRContext *context) {
  SmallVector<std::string> names;
  for (int dataType = 1; dataType < 64; ++dataType)
    if (types.elements >> dataType & 1)
      if (Type type = getElementType(dataType, context))
        llvm::raw_string_ostream(names.emplace_back()) << type;
  return llvm::join(names, ", ");
}

static bool accepts(const TypeSet &types, Type type) {
  if (isa<SequenceType>(type))
    return types.sequence;
  if (isa<OptionalType>(type))
    return types.optional;
  auto tensor = dyn_cast<TensorType>(type);
  return tensor && (types.elements >> getDataType(tensor.getElementType()) & 1);
}

/// Checks the types of all operands, or of all results, against the schema.
/// `bound` holds the first user of each type variable.
static LogicalResult
verifyTypes(Operation *op, StringRef what, ArrayRef<Parameter> parameters,
            ArrayRef<Value> slots,
            llvm::SmallDenseMap<int, std::pair<StringRef, Type>> &bound) {
  for (auto [index, slot] : llvm::enumerate(slots)) {
    const Parameter *parameter = OpSchema::getParameter(parameters, index);
    if (!slot || !parameter)
      continue;
    Type type = slot.getType();
    if (!accepts(parameter->types, type))
      return op->emitOpError()
             << what << " '" << parameter->name << "' has type " << type
             << " when its element type should be one of "
             << describe(parameter->types, op->getContext());
    Type element = getElementTypeOrSelf(type);
    if (parameter->variable < 0)
      continue;
    auto [it, first] = bound.try_emplace(parameter->variable,
                                         StringRef(parameter->name), element);
    if (!first && it->second.second != element)
      return op->emitOpError()
             << what << " '" << parameter->name << "' has element type "
             << element << " when it should be that of '" << it->second.first
             << "', " << it->second.second;
  }
  return success();
}

LogicalResult verifySchemaOp(Operation *op) {
  const OpSchema *schema = lookupSchema(op->getName().stripDialect());
  for (NamedAttribute attribute : op->getAttrs()) {
    StringRef name = attribute.getName();
    if (!name.contains('.') && !name.ends_with("SegmentSizes") &&
        !schema->lookupAttribute(name))
      return op->emitOpError() << "has no attribute '" << name << "'";
  }
  llvm::SmallDenseMap<int, std::pair<StringRef, Type>> bound;
  if (failed(verifyTypes(op, "operand", schema->inputs, getOperandSlots(op),
                         bound)))
    return failure();
  return verifyTypes(op, "result", schema->outputs, getResultSlots(op), bound);
}

} // namespace mpq::onnx
