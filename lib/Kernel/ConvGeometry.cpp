//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The numbers of a convolution, and the layouts that follow from them.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"

using namespace mlir;
using namespace mpq;

ConvGeometry::ConvGeometry(ConvOp op) {
  SmallVector<int64_t> in = op.getInputShape(), out = op.getOutputShape();
  samples = in[0];
  inputChannels = in[1];
  outputChannels = out[1];
  inputHeight = in[2];
  inputWidth = in[3];
  outputHeight = out[2];
  outputWidth = out[3];
  kernelHeight = op.getWeightShape()[2];
  kernelWidth = op.getWeightShape()[3];
  strideY = op.getStrides()[0];
  strideX = op.getStrides()[1];
  dilationY = op.getDilations()[0];
  dilationX = op.getDilations()[1];
  padTop = op.getPads()[0];
  padLeft = op.getPads()[1];
}

SmallVector<int64_t> mpq::getWindowPositions(int64_t outputs, int64_t stride,
                                             int64_t kernel, int64_t dilation) {
  SmallVector<int64_t> positions;
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t tap = 0; tap < kernel; ++tap)
      positions.push_back(output * stride + tap * dilation);
  // Any `span` successive positions, so any window, have different remainders.
  int64_t span = (kernel - 1) * dilation + 1;
  auto key = [&](int64_t at) { return std::pair(at % span, at); };
  llvm::sort(positions, [&](int64_t a, int64_t b) { return key(a) < key(b); });
  positions.erase(llvm::unique(positions), positions.end());
  return positions;
}

/// How far the last window reaches beyond `size`.
static int64_t getReach(int64_t outputs, int64_t stride, int64_t kernel,
                        int64_t dilation, int64_t pad, int64_t size) {
  return std::max<int64_t>(0, (outputs - 1) * stride + (kernel - 1) * dilation +
                                  1 - pad - size);
}

BlockedAttr ConvGeometry::getInputLayout(MLIRContext *context,
                                         int64_t block) const {
  return BlockedAttr::get(context,
                          {samples, inputChannels, inputHeight, inputWidth},
                          block, padTop, padLeft,
                          getReach(outputHeight, strideY, kernelHeight,
                                   dilationY, padTop, inputHeight),
                          getReach(outputWidth, strideX, kernelWidth, dilationX,
                                   padLeft, inputWidth));
}

BlockedAttr ConvGeometry::getResultLayout(MLIRContext *context,
                                          int64_t block) const {
  return BlockedAttr::get(context,
                          {samples, outputChannels, outputHeight, outputWidth},
                          block, 0, 0, 0, 0);
}
