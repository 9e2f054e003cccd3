//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attributes that became inputs.
//
//   Squeeze(x) {axes = [0]}   =>   Squeeze(x, axes), axes = constant [0]
//
//===----------------------------------------------------------------------===//
#include "Upgrade.h"

using namespace llvm;

namespace mpq {

static std::string hintOf(const ::onnx::NodeProto &node, StringRef attribute) {
  return (node.output_size() ? node.output(0) : node.op_type()) + "/" +
         attribute.str();
}

/// Moves an attribute of integers to input `index`; a single one to a scalar
/// or to a list of one.
static void moveIntegers(::onnx::NodeProto &node, Upgrader &upgrader,
                         StringRef name, int index, bool scalar = false) {
  if (!findAttribute(node, name))
    return;
  ::onnx::AttributeProto attribute = takeAttribute(node, name);
  SmallVector<int64_t> values(attribute.ints().begin(), attribute.ints().end());
  if (attribute.has_i())
    values = {attribute.i()};
  setInput(node, index,
           upgrader.addIntegers(hintOf(node, name), values, scalar));
}

/// Moves an attribute that is one float to input `index`, a scalar of the type
/// of the first input.
static void moveFloat(::onnx::NodeProto &node, Upgrader &upgrader,
                      StringRef name, int index) {
  if (!findAttribute(node, name) || node.input_size() == 0)
    return;
  float value = takeAttribute(node, name).f();
  setInput(node, index,
           upgrader.addFloatLike(hintOf(node, name), value, node.input(0)));
}

static Error axesToInput(::onnx::NodeProto &node, Upgrader &upgrader) {
  moveIntegers(node, upgrader, "axes", 1);
  return Error::success();
}

static Error upgradeSlice(::onnx::NodeProto &node, Upgrader &upgrader) {
  for (auto [index, name] : {std::pair(1, "starts"), {2, "ends"}, {3, "axes"}})
    moveIntegers(node, upgrader, name, index);
  return Error::success();
}

static Error upgradePad(::onnx::NodeProto &node, Upgrader &upgrader) {
  moveIntegers(node, upgrader, "pads", 1);
  moveFloat(node, upgrader, "value", 2);
  return Error::success();
}

static Error upgradeClip(::onnx::NodeProto &node, Upgrader &upgrader) {
  moveFloat(node, upgrader, "min", 1);
  moveFloat(node, upgrader, "max", 2);
  return Error::success();
}

/// Training is not imported, so the ratio has no meaning.
static Error upgradeDropout(::onnx::NodeProto &node, Upgrader &) {
  takeAttribute(node, "ratio");
  return Error::success();
}

static Error upgradeTopK(::onnx::NodeProto &node, Upgrader &upgrader) {
  moveIntegers(node, upgrader, "k", 1);
  return Error::success();
}

static Error upgradeSplit(::onnx::NodeProto &node, Upgrader &upgrader) {
  moveIntegers(node, upgrader, "split", 1);
  return Error::success();
}

/// Opset 18 wants to be told the number of parts when their sizes are not
/// given; before, it was that of the outputs.
static Error countSplits(::onnx::NodeProto &node, Upgrader &) {
  bool sizes = node.input_size() > 1 && !node.input(1).empty();
  if (!sizes && !findAttribute(node, "num_outputs"))
    setInteger(node, "num_outputs", node.output_size());
  return Error::success();
}

static Error upgradeDFT(::onnx::NodeProto &node, Upgrader &upgrader) {
  if (!findAttribute(node, "axis"))
    setInteger(node, "axis", 1);
  moveIntegers(node, upgrader, "axis", 2, /*scalar=*/true);
  return Error::success();
}

ArrayRef<UpgradeRule> getAttributeToInputRules() {
  static const UpgradeRule rules[] = {
      {"Slice", 10, upgradeSlice},
      {"TopK", 10, upgradeTopK},
      {"Pad", 11, upgradePad},
      {"Clip", 11, upgradeClip},
      {"Dropout", 12, upgradeDropout},
      {"Squeeze", 13, axesToInput},
      {"Unsqueeze", 13, axesToInput},
      {"ReduceSum", 13, axesToInput},
      {"Split", 13, upgradeSplit},
      {"Split", 18, countSplits},
      {"ReduceL1", 18, axesToInput},
      {"ReduceL2", 18, axesToInput},
      {"ReduceLogSum", 18, axesToInput},
      {"ReduceLogSumExp", 18, axesToInput},
      {"ReduceMax", 18, axesToInput},
      {"ReduceMean", 18, axesToInput},
      {"ReduceMin", 18, axesToInput},
      {"ReduceProd", 18, axesToInput},
      {"ReduceSumSquare", 18, axesToInput},
      {"DFT", 20, upgradeDFT},
  };
  return rules;
}

} // namespace mpq
