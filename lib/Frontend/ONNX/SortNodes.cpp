//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "GraphImporter.h"

#include "llvm/ADT/PriorityQueue.h"

using namespace llvm;
using namespace mlir;

namespace mpq {

FailureOr<SmallVector<const ::onnx::NodeProto *>>
sortNodes(const ::onnx::GraphProto &graph, const ::onnx::NodeProto *&stuck) {
  int count = graph.node_size();
  StringMap<int> producer;
  for (int i = 0; i < count; ++i)
    for (const std::string &output : graph.node(i).output())
      if (!output.empty())
        producer[output] = i;
  std::vector<SmallVector<int, 2>> users(count);
  std::vector<int> missing(count, 0);
  for (int i = 0; i < count; ++i)
    for (const std::string &input : graph.node(i).input())
      if (auto it = producer.find(input); it != producer.end()) {
        users[it->second].push_back(i);
        ++missing[i];
      }
  // The first ready node in the order of the file, so a sorted file stays.
  PriorityQueue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < count; ++i)
    if (missing[i] == 0)
      ready.push(i);
  SmallVector<const ::onnx::NodeProto *> order;
  while (!ready.empty()) {
    int i = ready.top();
    ready.pop();
    order.push_back(&graph.node(i));
    missing[i] = -1;
    for (int user : users[i])
      if (--missing[user] == 0)
        ready.push(user);
  }
  for (int i = 0; i < count; ++i)
    if (missing[i] > 0) {
      stuck = &graph.node(i);
      return failure();
    }
  return order;
}

} // namespace mpq
