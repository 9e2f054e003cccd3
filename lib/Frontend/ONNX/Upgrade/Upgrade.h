//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Models of older opsets, rewritten node by node into the newest one before
// they become IR. A table says which op changed its meaning or its form in
// which opset; everything else stayed compatible. Only protobuf is touched.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_ONNX_UPGRADE_UPGRADE_H
#define MPQ_FRONTEND_ONNX_UPGRADE_UPGRADE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include "onnx-ml.pb.h"

#include <vector>

namespace mpq {

/// The oldest opset that can be upgraded.
constexpr int64_t kOldestOpset = 7;

/// What a rule may do: change the node, put nodes before and after it, and add
/// constants.
class Upgrader {
public:
  Upgrader(::onnx::GraphProto &graph, int64_t opset);

  /// Upgrades all nodes of the graph. The error says what cannot be expressed
  /// in the newest opset; `failed` is then the node.
  llvm::Error run(const ::onnx::NodeProto *&failed);

  /// A name that is not in use yet, made from `hint`.
  std::string getNewName(llvm::StringRef hint);
  /// A constant; returns its name.
  std::string addIntegers(llvm::StringRef hint, llvm::ArrayRef<int64_t> values,
                          bool scalar = false);
  std::string addFloats(llvm::StringRef hint, llvm::ArrayRef<float> values);
  /// A scalar of the element type of the value `like`.
  std::string addFloatLike(llvm::StringRef hint, float value,
                           const std::string &like);
  /// A node with one output, before or after the node that is upgraded.
  ::onnx::NodeProto &addBefore(llvm::StringRef opType,
                               llvm::ArrayRef<std::string> inputs,
                               llvm::StringRef output);
  ::onnx::NodeProto &addAfter(llvm::StringRef opType,
                              llvm::ArrayRef<std::string> inputs,
                              llvm::StringRef output);

private:
  ::onnx::TensorProto &addConstant(llvm::StringRef hint, int dataType,
                                   size_t size, bool scalar);
  ::onnx::GraphProto &graph;
  int64_t opset;
  bool onlyF32 = true; // the one floating-point type of the model
  llvm::StringSet<> names;
  std::vector<::onnx::NodeProto> before, after;
};

/// Rewrites `node`, of opset `since - 1` or older.
using UpgradeFn = llvm::Error (*)(::onnx::NodeProto &node, Upgrader &upgrader);

struct UpgradeRule {
  llvm::StringLiteral op;
  int64_t since; // the opset that changed the op
  UpgradeFn upgrade;
};

/// The rules of each file of this folder, oldest change first per op.
llvm::ArrayRef<UpgradeRule> getAttributeToInputRules();
llvm::ArrayRef<UpgradeRule> getSoftmaxRules();
llvm::ArrayRef<UpgradeRule> getResizeRules();
llvm::ArrayRef<UpgradeRule> getSmallRules();

// Attributes of a node.
const ::onnx::AttributeProto *findAttribute(const ::onnx::NodeProto &node,
                                            llvm::StringRef name);
/// Removes the attribute and returns it; UNDEFINED type if it is not there.
::onnx::AttributeProto takeAttribute(::onnx::NodeProto &node,
                                     llvm::StringRef name);
void setInteger(::onnx::NodeProto &node, llvm::StringRef name, int64_t value);
void setString(::onnx::NodeProto &node, llvm::StringRef name,
               llvm::StringRef value);
/// Makes `name` input `index`, with empty ones before it.
void setInput(::onnx::NodeProto &node, int index, llvm::StringRef name);

} // namespace mpq

#endif // MPQ_FRONTEND_ONNX_UPGRADE_UPGRADE_H
