//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Renamed ops, attributes that went away, defaults that changed.
//
//===----------------------------------------------------------------------===//
#include "Upgrade.h"

#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace mpq {

static Error scatterElements(::onnx::NodeProto &node, Upgrader &) {
  node.set_op_type("ScatterElements");
  return Error::success();
}

/// Opset 7 and 8 could normalize per element; the default is per channel.
static Error dropSpatial(::onnx::NodeProto &node, Upgrader &) {
  if (findAttribute(node, "spatial") && takeAttribute(node, "spatial").i() != 1)
    return createStringError("BatchNormalization with spatial = 0 has no form "
                             "in newer opsets");
  return Error::success();
}

/// Until opset 13 the number of outputs said that it is training.
static Error batchNormTraining(::onnx::NodeProto &node, Upgrader &) {
  for (int i = 1; i < node.output_size(); ++i)
    if (!node.output(i).empty())
      return createStringError(formatv(
          "BatchNormalization with {0} outputs is training, which is not "
          "supported",
          node.output_size()));
  while (node.output_size() > 1)
    node.mutable_output()->RemoveLast();
  return Error::success();
}

/// GridSample's modes got the names that Resize has.
static Error gridSampleModes(::onnx::NodeProto &node, Upgrader &) {
  if (!findAttribute(node, "mode"))
    return Error::success(); // bilinear, now linear, is the default in both
  std::string mode = takeAttribute(node, "mode").s();
  setString(node, "mode",
            mode == "bilinear"  ? "linear"
            : mode == "bicubic" ? "cubic"
                                : mode);
  return Error::success();
}

/// The default was what is now called output_half_pixel.
static Error roiAlignCoordinates(::onnx::NodeProto &node, Upgrader &) {
  if (!findAttribute(node, "coordinate_transformation_mode"))
    setString(node, "coordinate_transformation_mode", "output_half_pixel");
  return Error::success();
}

/// Opset 18 scales per group, opset 21 per channel.
static Error groupNormScales(::onnx::NodeProto &, Upgrader &) {
  return createStringError("GroupNormalization of opset 18 to 20, whose scale "
                           "is per group, is not supported");
}

ArrayRef<UpgradeRule> getSmallRules() {
  static const UpgradeRule rules[] = {
      {"BatchNormalization", 9, dropSpatial},
      {"Scatter", 11, scatterElements},
      {"BatchNormalization", 14, batchNormTraining},
      {"RoiAlign", 16, roiAlignCoordinates},
      {"GridSample", 20, gridSampleModes},
      {"GroupNormalization", 21, groupNormScales},
  };
  return rules;
}

} // namespace mpq
