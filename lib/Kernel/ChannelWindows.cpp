//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Windows of input channels: their size at compile time, their place as IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/ChannelWindows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace mpq;

ChannelWindows::ChannelWindows(ConvOp op, int64_t outputs, int64_t inputBlock)
    : groups(op.getGroups()), inputsPerGroup(op.getWeightShape()[1]),
      outputsPerGroup(op.getWeightShape()[0] / groups), outputs(outputs),
      inputBlock(inputBlock),
      inputBlocks(llvm::divideCeil(groups * inputsPerGroup, inputBlock)),
      count(0) {
  int64_t channels = op.getWeightShape()[0];
  for (int64_t first = 0; first < channels; first += outputs) {
    int64_t last = std::min(first + outputs, channels) - 1;
    int64_t begin = first / outputsPerGroup * inputsPerGroup / inputBlock;
    int64_t end = (last / outputsPerGroup + 1) * inputsPerGroup - 1;
    count = std::max(count, end / inputBlock - begin + 1);
  }
}

Index ChannelWindows::getStart(KernelBuilder &k, Index index) const {
  if (count == inputBlocks)
    return 0;
  Index group = k.floorDiv(k.mul(index, outputs), outputsPerGroup);
  Index block = k.floorDiv(k.mul(group, inputsPerGroup), inputBlock);
  return k.min(block, inputBlocks - count);
}

Index ChannelWindows::getChannel(KernelBuilder &k, Index row, Index channel,
                                 Value &valid) const {
  if (groups == 1)
    return channel;
  Index first = k.mul(k.floorDiv(row, outputsPerGroup), inputsPerGroup);
  Index own = k.sub(channel, first);
  Value inside = k.lessThan(own, inputsPerGroup);
  valid = valid ? arith::AndIOp::create(k.b, valid, inside).getResult() : inside;
  return Index(arith::SelectOp::create(k.b, inside, k.value(own), k.index(0))
                   .getResult());
}

int64_t ChannelWindows::getMaxVectors(ConvOp op, int64_t lanes) {
  if (op.getGroups() == 1)
    return std::numeric_limits<int64_t>::max();
  int64_t perGroup = op.getWeightShape()[0] / op.getGroups();
  return std::max<int64_t>(1, perGroup / lanes);
}
