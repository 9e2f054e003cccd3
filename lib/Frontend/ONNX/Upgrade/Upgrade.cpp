//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Upgrade.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace mpq {

Upgrader::Upgrader(::onnx::GraphProto &graph, int64_t opset)
    : graph(graph), opset(opset) {
  auto seeType = [&](int dataType) {
    onlyF32 &= dataType != ::onnx::TensorProto::FLOAT16 &&
               dataType != ::onnx::TensorProto::BFLOAT16 &&
               dataType != ::onnx::TensorProto::DOUBLE;
  };
  for (const auto &input : graph.input()) {
    names.insert(input.name());
    seeType(input.type().tensor_type().elem_type());
  }
  for (const auto &tensor : graph.initializer()) {
    names.insert(tensor.name());
    seeType(tensor.data_type());
  }
  for (const auto &node : graph.node()) {
    for (const std::string &output : node.output())
      names.insert(output);
    if (node.op_type() == "Cast")
      if (const ::onnx::AttributeProto *to = findAttribute(node, "to"))
        seeType(to->i());
  }
}

Error Upgrader::run(const ::onnx::NodeProto *&failed) {
  SmallVector<UpgradeRule> rules;
  for (ArrayRef<UpgradeRule> part :
       {getSmallRules(), getAttributeToInputRules(), getSoftmaxRules(),
        getResizeRules()})
    for (const UpgradeRule &rule : part)
      if (opset < rule.since)
        rules.push_back(rule);
  if (rules.empty())
    return Error::success();
  llvm::stable_sort(rules, [](const UpgradeRule &a, const UpgradeRule &b) {
    return a.since < b.since;
  });

  google::protobuf::RepeatedPtrField<::onnx::NodeProto> old;
  old.Swap(graph.mutable_node());
  for (::onnx::NodeProto &node : old) {
    before.clear();
    after.clear();
    // A rule may rename the op, so the rules of the new name follow.
    for (const UpgradeRule &rule : rules) {
      bool standard = node.domain().empty() || node.domain() == "ai.onnx";
      if (!standard || StringRef(node.op_type()) != rule.op)
        continue;
      if (Error error = rule.upgrade(node, *this)) {
        ::onnx::NodeProto *kept = graph.add_node();
        kept->Swap(&node);
        failed = kept;
        return error;
      }
    }
    for (::onnx::NodeProto &extra : before)
      graph.add_node()->Swap(&extra);
    graph.add_node()->Swap(&node);
    for (::onnx::NodeProto &extra : after)
      graph.add_node()->Swap(&extra);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// What rules use
//===----------------------------------------------------------------------===//

std::string Upgrader::getNewName(StringRef hint) {
  std::string name = hint.str();
  for (unsigned n = 1; !names.insert(name).second; ++n)
    name = (hint + "_" + Twine(n)).str();
  return name;
}

::onnx::TensorProto &Upgrader::addConstant(StringRef hint, int dataType,
                                           size_t size, bool scalar) {
  ::onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(getNewName(hint));
  tensor.set_data_type(dataType);
  if (!scalar)
    tensor.add_dims(size);
  return tensor;
}

std::string Upgrader::addIntegers(StringRef hint, ArrayRef<int64_t> values,
                                  bool scalar) {
  ::onnx::TensorProto &tensor =
      addConstant(hint, ::onnx::TensorProto::INT64, values.size(), scalar);
  for (int64_t value : values)
    tensor.add_int64_data(value);
  return tensor.name();
}

std::string Upgrader::addFloats(StringRef hint, ArrayRef<float> values) {
  ::onnx::TensorProto &tensor = addConstant(hint, ::onnx::TensorProto::FLOAT,
                                            values.size(), /*scalar=*/false);
  for (float value : values)
    tensor.add_float_data(value);
  return tensor.name();
}

std::string Upgrader::addFloatLike(StringRef hint, float value,
                                   const std::string &like) {
  ::onnx::TensorProto &tensor =
      addConstant(hint, ::onnx::TensorProto::FLOAT, 1, /*scalar=*/true);
  tensor.add_float_data(value);
  std::string name = tensor.name();
  if (onlyF32)
    return name;
  std::string cast = getNewName(name + "/cast");
  addBefore("CastLike", {name, like}, cast);
  return cast;
}

static ::onnx::NodeProto &add(std::vector<::onnx::NodeProto> &list,
                              StringRef opType, ArrayRef<std::string> inputs,
                              StringRef output) {
  ::onnx::NodeProto &node = list.emplace_back();
  node.set_op_type(opType.str());
  node.set_name(output.str());
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output.str());
  return node;
}

::onnx::NodeProto &Upgrader::addBefore(StringRef opType,
                                       ArrayRef<std::string> inputs,
                                       StringRef output) {
  return add(before, opType, inputs, output);
}

::onnx::NodeProto &Upgrader::addAfter(StringRef opType,
                                      ArrayRef<std::string> inputs,
                                      StringRef output) {
  return add(after, opType, inputs, output);
}

const ::onnx::AttributeProto *findAttribute(const ::onnx::NodeProto &node,
                                            StringRef name) {
  for (const auto &attribute : node.attribute())
    if (name == StringRef(attribute.name()))
      return &attribute;
  return nullptr;
}

::onnx::AttributeProto takeAttribute(::onnx::NodeProto &node, StringRef name) {
  ::onnx::AttributeProto result;
  auto &attributes = *node.mutable_attribute();
  for (int i = 0; i < attributes.size(); ++i)
    if (name == StringRef(attributes[i].name())) {
      result.Swap(&attributes[i]);
      attributes.DeleteSubrange(i, 1);
      break;
    }
  return result;
}

void setInteger(::onnx::NodeProto &node, StringRef name, int64_t value) {
  ::onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(::onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void setString(::onnx::NodeProto &node, StringRef name, StringRef value) {
  ::onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(::onnx::AttributeProto::STRING);
  attribute.set_s(value.str());
}

void setInput(::onnx::NodeProto &node, int index, StringRef name) {
  while (node.input_size() <= index)
    node.add_input("");
  node.set_input(index, name.str());
}

} // namespace mpq
