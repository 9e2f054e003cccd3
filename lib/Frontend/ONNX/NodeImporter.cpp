//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One node of the graph as an op.
//
//===----------------------------------------------------------------------===//
#include "GraphImporter.h"

#include "mlir/IR/TypeUtilities.h"

using namespace llvm;
using namespace mlir;
using mpq::onnx::AttributeSchema;
using mpq::onnx::AttrKind;
using mpq::onnx::OpSchema;
using mpq::onnx::Option;
using mpq::onnx::Parameter;

namespace mpq {

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

using AttributeProto = ::onnx::AttributeProto;

/// The types of the format are ours in another order.
static AttributeProto::AttributeType getProtoType(AttrKind kind) {
  switch (kind) {
  case AttrKind::Int:
    return AttributeProto::INT;
  case AttrKind::Float:
    return AttributeProto::FLOAT;
  case AttrKind::String:
    return AttributeProto::STRING;
  case AttrKind::Ints:
    return AttributeProto::INTS;
  case AttrKind::Floats:
    return AttributeProto::FLOATS;
  case AttrKind::Strings:
    return AttributeProto::STRINGS;
  case AttrKind::Tensor:
    return AttributeProto::TENSOR;
  case AttrKind::SparseTensor:
    return AttributeProto::SPARSE_TENSOR;
  case AttrKind::Type:
    return AttributeProto::TYPE_PROTO;
  case AttrKind::Graph:
    return AttributeProto::GRAPH;
  }
  return AttributeProto::UNDEFINED;
}

/// The value as an attribute; null after an error.
Attribute GraphImporter::getAttribute(const Node &node,
                                      const AttributeProto &attribute,
                                      AttrKind kind) {
  switch (kind) {
  case AttrKind::Int:
    return b.getI64IntegerAttr(attribute.i());
  case AttrKind::Float:
    return b.getF32FloatAttr(attribute.f());
  case AttrKind::String:
    return b.getStringAttr(attribute.s());
  case AttrKind::Ints:
    return b.getDenseI64ArrayAttr(
        {attribute.ints().data(), size_t(attribute.ints_size())});
  case AttrKind::Floats:
    return b.getDenseF32ArrayAttr(
        {attribute.floats().data(), size_t(attribute.floats_size())});
  case AttrKind::Strings:
    return b.getStrArrayAttr(SmallVector<StringRef>(attribute.strings().begin(),
                                                    attribute.strings().end()));
  case AttrKind::Tensor: {
    StringRef name = node.output_size() ? StringRef(node.output(0)) : "tensor";
    Expected<ElementsAttr> value = tensors.read(attribute.t(), name);
    if (value)
      return *value;
    error(node) << "attribute '" << attribute.name()
                << "': " << toString(value.takeError());
    return {};
  }
  case AttrKind::Type: {
    FailureOr<Type> type =
        getType(attribute.tp(), "attribute '" + attribute.name() +
                                    "' of node '" + getName(node) + "'");
    return succeeded(type) ? TypeAttr::get(*type) : Attribute();
  }
  case AttrKind::Graph:
    error(node) << "subgraph '" << attribute.name()
                << "': control flow is not supported";
    return {};
  case AttrKind::SparseTensor:
    error(node) << "attribute '" << attribute.name()
                << "': sparse tensors are not supported";
    return {};
  }
  return {};
}

FailureOr<SmallVector<NamedAttribute>>
GraphImporter::getAttributes(const Node &node, const OpSchema &schema) {
  NamedAttrList result;
  for (const AttributeProto &attribute : node.attribute()) {
    const AttributeSchema *known = schema.lookupAttribute(attribute.name());
    if (!known)
      return error(node) << "'" << schema.name << "' has no attribute '"
                         << attribute.name() << "'";
    if (result.get(attribute.name()))
      return error(node) << "attribute '" << attribute.name()
                         << "' is there twice";
    if (attribute.has_ref_attr_name())
      return error(node) << "attribute '" << attribute.name()
                         << "' refers to an attribute of a function";
    // IR version 1 did not write the type.
    AttributeProto::AttributeType wanted = getProtoType(known->kind);
    if (attribute.has_type() && attribute.type() != wanted)
      return error(node) << "attribute '" << attribute.name() << "' has type "
                         << AttributeProto::AttributeType_Name(attribute.type())
                         << " when it should be "
                         << AttributeProto::AttributeType_Name(wanted);
    Attribute value = getAttribute(node, attribute, known->kind);
    if (!value)
      return failure();
    result.append(attribute.name(), value);
  }
  for (const AttributeSchema &attribute : schema.attributes)
    if (attribute.required && !result.get(attribute.name))
      return error(node) << "the required attribute '" << attribute.name
                         << "' is missing";
  return llvm::to_vector(result.getAttrs());
}

/// Constant has a form for each kind of value; all become `value`.
Attribute GraphImporter::getConstantValue(const Node &node,
                                          NamedAttribute form) {
  Attribute value = form.getValue();
  if (isa<ElementsAttr>(value) && form.getName() == "value")
    return value;
  auto vectorOf = [&](size_t size, Type element) {
    return RankedTensorType::get({int64_t(size)}, element);
  };
  if (auto array = dyn_cast<DenseI64ArrayAttr>(value))
    return DenseElementsAttr::get(vectorOf(array.size(), b.getI64Type()),
                                  array.asArrayRef());
  if (auto array = dyn_cast<DenseF32ArrayAttr>(value))
    return DenseElementsAttr::get(vectorOf(array.size(), b.getF32Type()),
                                  array.asArrayRef());
  if (auto scalar = dyn_cast<TypedAttr>(value);
      scalar && isa<IntegerAttr, FloatAttr>(value))
    return DenseElementsAttr::get(RankedTensorType::get({}, scalar.getType()),
                                  value);
  error(node) << "the form '" << form.getName().strref()
              << "' of Constant is not supported";
  return {};
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static Attribute lookup(ArrayRef<NamedAttribute> attributes, StringRef name) {
  for (NamedAttribute attribute : attributes)
    if (attribute.getName() == name)
      return attribute.getValue();
  return {};
}

/// The element type that an attribute of the op chooses, or null.
static Type getChosenType(ArrayRef<NamedAttribute> attributes,
                          MLIRContext *context) {
  for (StringRef name : {"to", "dtype", "output_dtype", "output_datatype"})
    if (auto number = dyn_cast_or_null<IntegerAttr>(lookup(attributes, name)))
      if (Type type = onnx::getElementType(number.getInt(), context))
        return type;
  if (auto value = dyn_cast_or_null<ElementsAttr>(lookup(attributes, "value")))
    return value.getShapedType().getElementType();
  return {};
}

/// What ops with such an attribute make if it is absent.
static int getDefaultType(StringRef op) {
  return llvm::StringSwitch<int>(op)
      .Cases({"ConstantOfShape", "RandomNormal", "RandomUniform"},
             ::onnx::TensorProto::FLOAT)
      .Cases(
          {"BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix"},
          ::onnx::TensorProto::FLOAT)
      .Case("Multinomial", ::onnx::TensorProto::INT32)
      .Case("QuantizeLinear", ::onnx::TensorProto::UINT8)
      .Default(0);
}

Type GraphImporter::getResultType(const Node &node, const OpSchema &schema,
                                  unsigned index, ArrayRef<Value> operands,
                                  ArrayRef<NamedAttribute> attributes) {
  const Parameter &parameter = *OpSchema::getParameter(schema.outputs, index);
  // The type variable is bound by an operand.
  if (parameter.variable >= 0)
    for (auto [i, operand] : llvm::enumerate(operands))
      if (operand && OpSchema::getParameter(schema.inputs, i)->variable ==
                         parameter.variable)
        return UnrankedTensorType::get(getElementTypeOrSelf(operand));
  Type element;
  if (llvm::has_single_bit(parameter.types.elements))
    element = onnx::getElementType(llvm::countr_zero(parameter.types.elements),
                                   context);
  if (!element)
    element = getChosenType(attributes, context);
  if (!element)
    element = onnx::getElementType(getDefaultType(schema.name), context);
  if (!element)
    if (auto it = declared.find(node.output(index)); it != declared.end())
      element = onnx::getElementType(
          it->second->type().tensor_type().elem_type(), context);
  // EyeLike and its like take the type of their operand.
  if (!element && !operands.empty() && operands[0])
    element = getElementTypeOrSelf(operands[0]);
  return element ? UnrankedTensorType::get(element) : Type();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::checkCounts(
    const Node &node, const OpSchema &schema, ArrayRef<Parameter> parameters,
    unsigned minimum,
    const google::protobuf::RepeatedPtrField<std::string> &names,
    StringRef what) {
  unsigned count = names.size();
  if (count < minimum)
    return error(node) << "has " << count << " " << what << " when '"
                       << schema.name << "' has at least " << minimum;
  for (auto [index, name] : llvm::enumerate(names)) {
    const Parameter *parameter = OpSchema::getParameter(parameters, index);
    if (!parameter)
      return error(node) << "has " << count << " " << what << " when '"
                         << schema.name << "' has at most "
                         << parameters.size();
    if (name.empty() && parameter->option != Option::Optional)
      return error(node) << "the required parameter '" << parameter->name
                         << "' is missing";
  }
  return success();
}

LogicalResult GraphImporter::addNode(const Node &node) {
  if (!node.domain().empty() && node.domain() != "ai.onnx")
    return error(node) << "unknown domain '" << node.domain()
                       << "'; only the ops of the ONNX standard are known";
  const OpSchema *schema = onnx::lookupSchema(node.op_type());
  if (!schema)
    return error(node) << "unknown op '" << node.op_type() << "'";
  if (failed(checkCounts(node, *schema, schema->inputs, schema->minInputs,
                         node.input(), "inputs")) ||
      failed(checkCounts(node, *schema, schema->outputs, schema->minOutputs,
                         node.output(), "outputs")))
    return failure();

  SmallVector<Value> operands;
  for (const std::string &input : node.input()) {
    FailureOr<Value> value =
        input.empty() ? FailureOr<Value>(Value()) : getValue(input, &node);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  FailureOr<SmallVector<NamedAttribute>> attributes =
      getAttributes(node, *schema);
  if (failed(attributes))
    return failure();
  if (schema->name == "Constant") {
    if (attributes->size() != 1)
      return error(node) << "has " << attributes->size()
                         << " values when a Constant has one";
    Attribute value = getConstantValue(node, attributes->front());
    if (!value)
      return failure();
    Type type = cast<ElementsAttr>(value).getType();
    values[node.output(0)] =
        onnx::ConstantOp::create(b, getLocation(getName(node)), type,
                                 ValueRange(), b.getNamedAttr("value", value));
    return success();
  }

  SmallVector<Type> types;
  for (auto [index, output] : llvm::enumerate(node.output())) {
    types.push_back(output.empty() ? Type()
                                   : getResultType(node, *schema, index,
                                                   operands, *attributes));
    if (!output.empty() && !types.back())
      return error(node) << "the type of output '" << output
                         << "' does not follow from the inputs, and is not "
                            "declared";
  }
  OperationState state(getLocation(getName(node)),
                       "onnx." + schema->name.str());
  onnx::buildSchemaOp(state, types, operands, *attributes);
  Operation *op = b.create(state);
  auto results = op->result_begin();
  for (const std::string &output : node.output())
    if (!output.empty())
      values[output] = *results++;
  return success();
}

} // namespace mpq
