//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax, LogSoftmax and Hardmax before opset 13 worked on a matrix: they
// flattened the input to [product of dims before axis][product of the rest] and
// normalized its rows; the default axis was 1. Since 13 they normalize along
// one axis, the last by default. Where axis was the last dimension, both mean
// the same, but ranks are not known here, so it is always
//
//   y = Softmax(x) {axis}   =>   f = Flatten(x) {axis}
//                                s = Softmax(f) {axis = 1}
//                                y = Reshape(s, Shape(x))
//
// and mpq-onnx-fold takes the detour out again when shapes are known.
//
//===----------------------------------------------------------------------===//
#include "Upgrade.h"

using namespace llvm;

namespace mpq {

static Error upgradeSoftmax(::onnx::NodeProto &node, Upgrader &upgrader) {
  if (node.input_size() != 1 || node.output_size() != 1)
    return Error::success(); // the importer says what is wrong
  std::string input = node.input(0), output = node.output(0);
  int64_t axis = 1;
  if (findAttribute(node, "axis"))
    axis = takeAttribute(node, "axis").i();
  std::string flat = upgrader.getNewName(output + "/flat");
  setInteger(upgrader.addBefore("Flatten", {input}, flat), "axis", axis);
  std::string soft = upgrader.getNewName(output + "/rows");
  node.set_input(0, flat);
  node.set_output(0, soft);
  setInteger(node, "axis", 1);
  std::string shape = upgrader.getNewName(output + "/shape");
  upgrader.addAfter("Shape", {input}, shape);
  upgrader.addAfter("Reshape", {soft, shape}, output);
  return Error::success();
}

ArrayRef<UpgradeRule> getSoftmaxRules() {
  static const UpgradeRule rules[] = {
      {"Softmax", 13, upgradeSoftmax},
      {"LogSoftmax", 13, upgradeSoftmax},
      {"Hardmax", 13, upgradeSoftmax},
  };
  return rules;
}

} // namespace mpq
