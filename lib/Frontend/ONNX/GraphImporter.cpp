//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "GraphImporter.h"
#include "Upgrade/Upgrade.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace mlir;

namespace mpq {

GraphImporter::GraphImporter(ModelFile &file, StringRef path,
                             MLIRContext *context)
    : file(file), graph(*file.model.mutable_graph()), path(path),
      context(context), b(context), tensors(file, path, context) {
  context->loadDialect<onnx::ONNXDialect, func::FuncDialect>();
}

//===----------------------------------------------------------------------===//
// Locations and errors
//===----------------------------------------------------------------------===//

Location GraphImporter::getLocation(StringRef name) const {
  Location where = FileLineColLoc::get(context, path, 0, 0);
  return name.empty() ? where
                      : NameLoc::get(StringAttr::get(context, name), where);
}

std::string GraphImporter::getName(const Node &node) const {
  if (!node.name().empty())
    return node.name();
  auto it = indices.find(&node);
  return node.op_type() + "_" +
         std::to_string(it == indices.end() ? 0 : it->second);
}

InFlightDiagnostic GraphImporter::error() const {
  return emitError(getLocation(""));
}

InFlightDiagnostic GraphImporter::error(const Node &node) const {
  return error() << "node '" << getName(node) << "' (" << node.op_type()
                 << "): ";
}

//===----------------------------------------------------------------------===//
// The model as a whole
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::checkModel() {
  bool found = false;
  for (const auto &import : file.model.opset_import()) {
    if (!import.domain().empty() && import.domain() != "ai.onnx")
      continue; // an error where a node uses it
    if (found && import.version() != opset)
      return error() << "the model imports the opsets " << opset << " and "
                     << import.version();
    opset = import.version();
    found = true;
  }
  if (!found)
    return error() << "the model imports no opset of the ONNX standard";
  if (opset < kOldestOpset)
    return error() << "opset " << opset << " is older than " << kOldestOpset
                   << ", the oldest that is supported";
  if (opset > onnx::getNewestOpset())
    return error() << "opset " << opset << " is newer than "
                   << onnx::getNewestOpset()
                   << ", the newest that this build knows";
  if (graph.sparse_initializer_size())
    return error() << "sparse initializer '"
                   << graph.sparse_initializer(0).values().name()
                   << "' is not supported";
  if (file.model.training_info_size())
    emitRemark(getLocation(""), "training information is ignored");
  if (graph.quantization_annotation_size())
    emitRemark(getLocation(""), "quantization annotations are ignored");
  return success();
}

LogicalResult GraphImporter::upgrade() {
  const Node *node = nullptr;
  if (llvm::Error failed = Upgrader(graph, opset).run(node))
    return error(*node) << toString(std::move(failed));
  return success();
}

/// Every name must have one meaning.
LogicalResult GraphImporter::collectNames() {
  for (const auto &tensor : graph.initializer()) {
    if (tensor.name().empty())
      return error() << "an initializer has no name";
    if (!initializers.try_emplace(tensor.name(), &tensor).second)
      return error() << "two initializers are called '" << tensor.name() << "'";
  }
  llvm::StringSet<> made;
  for (const auto &input : graph.input())
    if (!made.insert(input.name()).second)
      return error() << "two inputs are called '" << input.name() << "'";
  for (auto [index, node] : llvm::enumerate(graph.node())) {
    indices[&node] = index;
    for (const std::string &output : node.output())
      if (!output.empty() &&
          (initializers.count(output) || !made.insert(output).second))
        return error(node) << "output '" << output
                           << "' has the name of another value";
  }
  for (const auto &info : graph.value_info())
    declared.try_emplace(info.name(), &info);
  for (const auto &info : graph.output())
    declared.try_emplace(info.name(), &info);
  return success();
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  if (failed(checkModel()) || failed(upgrade()) || failed(collectNames()))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(getLocation(""));
  b.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(b, getLocation(""), "main",
                                       b.getFunctionType({}, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  if (failed(addArguments(function)) || failed(addNodes()) ||
      failed(addResults(function)) || failed(verify(*module)))
    return nullptr;
  return module;
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

FailureOr<Type> GraphImporter::getType(const ::onnx::TypeProto &type,
                                       StringRef what) {
  if (!type.has_tensor_type())
    return error() << what << " is not a tensor";
  const auto &tensor = type.tensor_type();
  Type element = onnx::getElementType(tensor.elem_type(), context);
  if (!element)
    return error() << what << " has an element type, number "
                   << tensor.elem_type()
                   << " of TensorProto.DataType, that is not supported";
  if (!tensor.has_shape())
    return Type(UnrankedTensorType::get(element));
  SmallVector<int64_t> shape;
  for (const auto &dim : tensor.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return error() << what << " has the negative dimension "
                     << dim.dim_value();
    shape.push_back(dim.has_dim_value() ? dim.dim_value()
                                        : ShapedType::kDynamic);
  }
  // No tensor has more elements than an int64 counts.
  int64_t count = 1;
  for (int64_t dim : shape)
    if (!ShapedType::isDynamic(dim) && dim != 0 &&
        llvm::MulOverflow(count, dim, count))
      return error() << what << " has dimensions whose product overflows";
  return Type(RankedTensorType::get(shape, element));
}

/// onnx.name, onnx.shape and onnx.dims of an argument or result.
void GraphImporter::setInterface(func::FuncOp function, unsigned index,
                                 bool result,
                                 const ::onnx::ValueInfoProto &info) {
  auto set = [&](StringRef name, Attribute value) {
    result ? function.setResultAttr(index, name, value)
           : function.setArgAttr(index, name, value);
  };
  set(onnx::ONNXDialect::kNameAttr, b.getStringAttr(info.name()));
  if (!info.type().tensor_type().has_shape())
    return;
  SmallVector<int64_t> shape;
  for (const auto &dim : info.type().tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  set(onnx::ONNXDialect::kShapeAttr, b.getDenseI64ArrayAttr(shape));
  SmallVector<StringRef> names;
  for (const auto &dim : info.type().tensor_type().shape().dim())
    names.push_back(dim.dim_param());
  if (llvm::any_of(names, [](StringRef name) { return !name.empty(); }))
    set(onnx::ONNXDialect::kDimsAttr, b.getStrArrayAttr(names));
}

LogicalResult GraphImporter::addArguments(func::FuncOp function) {
  for (const auto &input : graph.input()) {
    // Until IR version 3, initializers had to be inputs too.
    if (initializers.count(input.name()))
      continue;
    FailureOr<Type> type =
        getType(input.type(), ("input '" + input.name() + "'"));
    if (failed(type))
      return failure();
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, *type, {},
                                       getLocation(input.name()))))
      return failure();
    values[input.name()] = function.getArgument(index);
    setInterface(function, index, /*result=*/false, input);
  }
  return success();
}

LogicalResult GraphImporter::addResults(func::FuncOp function) {
  if (graph.output_size() == 0)
    return error() << "the graph has no outputs";
  SmallVector<Value> results;
  for (const auto &output : graph.output()) {
    FailureOr<Value> value = getValue(output.name(), nullptr);
    if (failed(value))
      return failure();
    if (output.type().has_tensor_type()) {
      FailureOr<Type> type =
          getType(output.type(), ("output '" + output.name() + "'"));
      if (failed(type))
        return failure();
      if (getElementTypeOrSelf(*type) != getElementTypeOrSelf(*value))
        return error() << "output '" << output.name()
                       << "' is declared with element type "
                       << getElementTypeOrSelf(*type) << " but computed as "
                       << getElementTypeOrSelf(*value);
    }
    results.push_back(*value);
  }
  func::ReturnOp::create(b, getLocation(""), results);
  function.setType(b.getFunctionType(function.getArgumentTypes(),
                                     ValueRange(results).getTypes()));
  for (auto [index, output] : llvm::enumerate(graph.output()))
    setInterface(function, index, /*result=*/true, output);
  return success();
}

LogicalResult GraphImporter::addNodes() {
  const Node *stuck = nullptr;
  auto order = sortNodes(graph, stuck);
  if (failed(order))
    return error(*stuck) << "depends on a cycle of nodes";
  for (const Node *node : *order)
    if (failed(addNode(*node)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

FailureOr<Value> GraphImporter::getValue(StringRef name, const Node *user) {
  if (Value value = values.lookup(name))
    return value;
  auto it = initializers.find(name);
  if (it == initializers.end())
    return (user ? error(*user) << "input '" : error() << "output '")
           << name << "' is not the name of any value";
  Expected<ElementsAttr> constant = tensors.read(*it->second, name);
  if (!constant)
    return error() << "initializer '" << name
                   << "': " << toString(constant.takeError());
  Value value = onnx::ConstantOp::create(b, getLocation(name),
                                         constant->getType(), ValueRange(),
                                         b.getNamedAttr("value", *constant));
  values[name] = value;
  return value;
}

} // namespace mpq
