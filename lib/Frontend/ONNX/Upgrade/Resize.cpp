//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Upsample (7: scales is an attribute, 9: an input) became Resize in opset 10,
// and Resize got its coordinate systems and the operand `roi` in opset 11. What
// the older ones did is asymmetric: source = destination / scale, rounded down
// by mode nearest.
//
//===----------------------------------------------------------------------===//
#include "Upgrade.h"

using namespace llvm;

namespace mpq {

static Error upsampleScales(::onnx::NodeProto &node, Upgrader &upgrader) {
  ::onnx::AttributeProto scales = takeAttribute(node, "scales");
  if (scales.floats().empty())
    return createStringError("Upsample without 'scales'");
  SmallVector<float> values(scales.floats().begin(), scales.floats().end());
  std::string hint =
      (node.output_size() ? node.output(0) : std::string("Upsample"));
  setInput(node, 1, upgrader.addFloats(hint + "/scales", values));
  return Error::success();
}

static Error upsampleToResize(::onnx::NodeProto &node, Upgrader &) {
  node.set_op_type("Resize");
  return Error::success();
}

static Error resizeCoordinates(::onnx::NodeProto &node, Upgrader &) {
  if (node.input_size() != 2)
    return Error::success(); // the importer says what is wrong
  if (const ::onnx::AttributeProto *mode = findAttribute(node, "mode"))
    if (mode->s() == "bilinear" || mode->s() == "trilinear") {
      takeAttribute(node, "mode");
      setString(node, "mode", "linear");
    }
  setInput(node, 2, node.input(1));
  node.set_input(1, "");
  setString(node, "coordinate_transformation_mode", "asymmetric");
  setString(node, "nearest_mode", "floor");
  return Error::success();
}

ArrayRef<UpgradeRule> getResizeRules() {
  static const UpgradeRule rules[] = {
      {"Upsample", 9, upsampleScales},
      {"Upsample", 10, upsampleToResize},
      {"Resize", 11, resizeCoordinates},
  };
  return rules;
}

} // namespace mpq
