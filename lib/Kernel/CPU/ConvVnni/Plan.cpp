//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choice of the register tile: all tiles are tried on a model of the core.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ConvVnni/Plan.h"

#include "lib/Kernel/CPU/Vnni/Core.h"

#include "llvm/ADT/STLExtras.h"

using namespace mpq;
using namespace mpq::vnni;

ConvPlan::ConvPlan(ConvOp op) : geometry(op), op(op), grouped(op.getGroups() > 1) {
  inputBlock = geometry.inputChannels <= kColumns ? kColumns : 16;
  if (BlockedAttr layout = op.getInputLayoutAttr())
    inputBlock = layout.getBlock();
  inputBlocks = llvm::divideCeil(geometry.inputChannels, inputBlock);
  outputBlocks = llvm::divideCeil(geometry.outputChannels, kRows);
  UniformAttr quant = op.getInputQuantAttr();
  zeroBorder = quant && !quant.isDynamic() && quant.getZeroPoint() == 0;
  chooseTile();
  chooseStrip();
}

void ConvPlan::chooseStrip() {
  const ConvGeometry &g = geometry;
  int64_t rowBytes =
      inputBlocks * getInputLayout(op.getContext()).getPaddedWidth() *
      inputBlock;
  auto resize = [&](int64_t rows) {
    stripRows = rows;
    stripInputRows =
        (rows - 1) * g.strideY + (g.kernelHeight - 1) * g.dilationY + 1;
    scratchBytes = stripInputRows * rowBytes;
  };
  resize(g.outputHeight);
  // Strips of equal height, of whole tiles where there is more than one.
  for (int64_t strips = 2; scratchBytes > kMaxScratchBytes && stripRows > height;
       ++strips)
    resize(llvm::alignTo(llvm::divideCeil(g.outputHeight, strips), height));
}

BlockedAttr ConvPlan::getInputLayout(mlir::MLIRContext *context) const {
  return geometry.getInputLayout(context, inputBlock);
}

int64_t ConvPlan::lastSteps() const {
  if (grouped)
    return steps();
  int64_t channels = geometry.inputChannels - (inputBlocks - 1) * inputBlock;
  return llvm::divideCeil(channels, kColumns);
}

llvm::SmallVector<int64_t> ConvPlan::inputColumns(int64_t first,
                                                  int64_t last) const {
  llvm::SmallVector<int64_t> columns;
  for (int64_t w = 0; w < width; ++w)
    for (int64_t tap = first; tap < last; ++tap)
      columns.push_back(w * geometry.strideX + tap * geometry.dilationX);
  llvm::sort(columns);
  columns.erase(llvm::unique(columns), columns.end());
  return columns;
}

/// How many of the taps of the window at output `at` lie on one of `size`
/// inputs.
static int64_t countInside(int64_t at, int64_t stride, int64_t kernel,
                           int64_t dilation, int64_t pad, int64_t size) {
  int64_t count = 0;
  for (int64_t tap = 0; tap < kernel; ++tap) {
    int64_t input = at * stride + tap * dilation - pad;
    count += input >= 0 && input < size;
  }
  return count;
}

int64_t ConvPlan::countTaps(int64_t w) const {
  const ConvGeometry &g = geometry;
  int64_t count = 0;
  for (int64_t x = w; x < w + width; ++x)
    count += countInside(x, g.strideX, g.kernelWidth, g.dilationX, g.padLeft,
                         g.inputWidth);
  return count;
}

bool ConvPlan::skipsRows() const {
  const ConvGeometry &g = geometry;
  if (!zeroBorder || height > 1 || g.dilationY > 1)
    return false;
  auto meetsBorder = [&](int64_t h) {
    return countInside(h, g.strideY, g.kernelHeight, 1, g.padTop,
                       g.inputHeight) < g.kernelHeight;
  };
  return meetsBorder(0) || meetsBorder(g.outputHeight - 1);
}

double ConvPlan::estimate() {
  int64_t taps = geometry.kernelWidth;
  int64_t accumulators = height * width * blocks;
  int64_t room = kRegisters - kReserved - kReservedForColumns - accumulators;
  columnsAtOnce = std::min(taps, room / blocks);
  if (columnsAtOnce < 1)
    return -1;
  room -= columnsAtOnce * blocks;
  chains = 1;
  while (chains < taps * unroll && accumulators * chains < 10 &&
         accumulators * chains <= room)
    ++chains;

  double dots = accumulators * taps, loads = taps * blocks;
  for (int64_t first = 0; first < taps; first += columnsAtOnce)
    loads += height *
             inputColumns(first, std::min(taps, first + columnsAtOnce)).size();
  double step = getStepCycles(dots, loads);
  step = std::max(step, kDotLatency * taps / chains);
  if (groupBytes() > kL1Bytes)
    step = std::max(step, stepBytes() / kL2Bytes);
  double tile = geometry.kernelHeight * totalSteps() * (step + kStepOverhead) +
                accumulators * kEpilogue + kTileOverhead;
  return groups() * llvm::divideCeil(geometry.outputHeight, height) *
         llvm::divideCeil(geometry.outputWidth, width) * tile;
}

void ConvPlan::chooseTile() {
  unroll = steps();
  ConvPlan best = *this;
  double least = -1;
  int64_t maxBlocks =
      std::min<int64_t>(ChannelWindows::getMaxVectors(op, kRows), 8);
  for (blocks = 1; blocks <= std::min(outputBlocks, maxBlocks); ++blocks) {
    if (outputBlocks % blocks)
      continue;
    windowBlocks = getWindows().getCount();
    for (height = 1; height <= std::min<int64_t>(geometry.outputHeight, 8);
         ++height)
      for (width = 1; width <= std::min<int64_t>(geometry.outputWidth, 28);
           ++width) {
        double cycles = estimate();
        // Of equals, the first: the fewest registers.
        if (cycles >= 0 && (least < 0 || cycles < least * 0.999)) {
          least = cycles;
          best = *this;
        }
      }
  }
  *this = best;
  int64_t dots = height * width * blocks * geometry.kernelWidth;
  while (unroll > 1 && dots * unroll > kBodySize && chains == 1)
    unroll /= 2;
}
