//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One tile: taps side by side, dot products, codes.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/DepthwiseVnni/Tile.h"

#include "mpq/Kernel/Elements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::depthwise_vnni;
using namespace mpq::vnni;

Plan::Plan(ConvOp op)
    : geometry(op), blocks(llvm::divideCeil(geometry.outputChannels, kRows)),
      groups(llvm::divideCeil(geometry.kernelWidth, kTaps)) {}

Tile::Tile(KernelBuilder &k, ConvOp op, ConvOp::Adaptor operands)
    : k(k), plan(op), g(plan.geometry),
      epilogue(k, /*hasResidual=*/false, UniformAttr(), op.getOutputQuantAttr(),
               op.getClampAttr()),
      inputScale(op.getInputQuant()->getScale()),
      inputZero(op.getInputQuant()->getZeroPoint()),
      x(k.activation(operands.getInput(), op.getInputLayoutAttr(),
                     op.getInputQuantAttr())),
      y(k.activation(operands.getInit(), op.getOutputLayoutAttr(),
                     op.getOutputQuantAttr())),
      bias(operands.getBias()) {
  assert(x.block == kRows && y.block == kRows && "layouts of this family");
  Value packed = operands.getWeight();
  int64_t end = plan.weightBytes();
  weights = k.view(packed, k.b.getI8Type(), 0, end);
  scales = k.view(packed, k.b.getF32Type(), end, plan.rows());
  sums = k.view(packed, k.b.getI32Type(), end + 4 * plan.rows(), plan.rows());
}

Value Tile::spread(Value channels, int64_t step) {
  SmallVector<int64_t> from;
  for (int64_t lane = 0; lane < kRows; ++lane)
    from.push_back(kSteps * step + lane % kSteps);
  return vector::ShuffleOp::create(k.b, channels, channels, from);
}

void Tile::startBlock(Index number) {
  block = number;
  Index at = k.mul(block, kRows);
  Value correction =
      arith::MulIOp::create(k.b, k.loadVector(sums, at, kRows),
                            k.splatInteger(32, -inputZero, kRows));
  Value scale = epilogue.foldScale(k.loadVector(scales, at, kRows), inputScale);
  Value added = bias ? k.loadBefore(bias, at, kRows, g.outputChannels) : Value();
  added = epilogue.foldBias(added);
  start.clear(), factor.clear(), offset.clear();
  for (int64_t step = 0; step < kSteps; ++step) {
    start.push_back(spread(correction, step));
    factor.push_back(spread(scale, step));
    offset.push_back(spread(added, step));
  }
}

Value Tile::loadPixels(Index at, const Pixels &pixels) {
  if (pixels.areNeighbours() && g.strideX == 1)
    return k.loadVector(x.buffer, at, kVectorBytes);
  SmallVector<Value, kPixels> quarters;
  for (int64_t i = 0; i < kPixels; ++i)
    quarters.push_back(k.loadVector(
        x.buffer,
        at + (pixels.rows[i] * g.strideY * x.rowPitch() +
              pixels.columns[i] * g.strideX * kRows),
        kRows));
  return concatenate(k, quarters);
}

/// Elements of two vectors in turn, in the lower or the upper half of each
/// quarter.
static Value unpack(KernelBuilder &k, Value a, Value b, bool upper) {
  int64_t count = cast<VectorType>(a.getType()).getNumElements();
  int64_t quarter = count / kPixels, half = quarter / 2;
  SmallVector<int64_t> from;
  for (int64_t q = 0; q < kPixels; ++q)
    for (int64_t i = 0; i < half; ++i) {
      int64_t at = q * quarter + (upper ? half : 0) + i;
      from.push_back(at);
      from.push_back(count + at);
    }
  return vector::ShuffleOp::create(k.b, a, b, from);
}

SmallVector<Value, kSteps> Tile::interleave(ArrayRef<Value> taps) {
  auto words = VectorType::get(kVectorBytes / 2, k.b.getI16Type());
  auto sums = VectorType::get(kRows, k.b.getI32Type());
  SmallVector<Value, kTaps> all(taps);
  all.resize(kTaps, k.splatInteger(8, 0, kVectorBytes));
  SmallVector<Value, kSteps> steps;
  for (bool upper : {false, true}) {
    auto pair = [&](int64_t tap) -> Value {
      return vector::BitCastOp::create(
          k.b, words, unpack(k, all[tap], all[tap + 1], upper));
    };
    Value first = pair(0), second = pair(2);
    for (bool upperWords : {false, true})
      steps.push_back(vector::BitCastOp::create(
          k.b, sums, unpack(k, first, second, upperWords)));
  }
  return steps;
}

/// Adds an input row, number `source` of those below the tile, to the sums of
/// all output rows that it is a part of.
void Tile::addRow(Index at, int64_t source, const Pixels &pixels,
                  MutableArrayRef<Value> sums) {
  int64_t height = sums.size() / kSteps;
  for (int64_t group = 0; group < plan.groups; ++group) {
    SmallVector<Value, kTaps> taps;
    for (int64_t kw = group * kTaps;
         kw < std::min(g.kernelWidth, (group + 1) * kTaps); ++kw)
      taps.push_back(loadPixels(at + kw * g.dilationX * kRows, pixels));
    SmallVector<Value, kSteps> steps = interleave(taps);
    for (int64_t row = 0; row < height; ++row) {
      int64_t distance = source - row * g.strideY;
      if (distance < 0 || distance % g.dilationY ||
          distance / g.dilationY >= g.kernelHeight)
        continue;
      int64_t kh = distance / g.dilationY;
      Index from = k.linear({block, kh, group, 0, 0},
                            {plan.blocks, g.kernelHeight, plan.groups, kSteps,
                             kVectorBytes});
      for (int64_t step = 0; step < kSteps; ++step) {
        Value &sum = sums[row * kSteps + step];
        sum = emitDot(k, sum, steps[step],
                      k.loadVector(weights, from + step * kVectorBytes,
                                   kVectorBytes));
      }
    }
  }
}

void Tile::emit(Index n, Index row, Index column, const Pixels &pixels,
                int64_t height) {
  Index window = x.offset(k, n, block, k.mul(row, g.strideY) + -g.padTop,
                          k.mul(column, g.strideX) + -g.padLeft);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < height; ++i)
    sums.append(start.begin(), start.end());
  int64_t reach =
      (height - 1) * g.strideY + (g.kernelHeight - 1) * g.dilationY;
  for (int64_t source = 0; source <= reach; ++source) {
    bool isRead = false;
    for (int64_t i = 0; i < height; ++i) {
      int64_t distance = source - i * g.strideY;
      isRead |= distance >= 0 && distance % g.dilationY == 0 &&
                distance / g.dilationY < g.kernelHeight;
    }
    if (!isRead)
      continue;
    k.keepLoadsInOrder();
    addRow(window + source * x.rowPitch(), source, pixels, sums);
  }
  for (int64_t i = 0; i < height; ++i)
    store(ArrayRef(sums).slice(i * kSteps, kSteps),
          y.offset(k, n, block, row + i, column), pixels);
}

void Tile::store(ArrayRef<Value> sums, Index to, const Pixels &pixels) {
  SmallVector<Value, kSteps> results;
  for (auto [step, sum] : llvm::enumerate(sums)) {
    Value reals = arith::SIToFPOp::create(
        k.b, VectorType::get(kRows, k.b.getF32Type()), sum);
    results.push_back(
        epilogue.apply(reals, factor[step], offset[step], Value()));
  }
  Value codes = epilogue.pack(results);
  if (pixels.areNeighbours() && pixels.valid == kPixels)
    return k.storeVector(codes, y.buffer, to);
  for (int64_t i = 0; i < pixels.valid; ++i) {
    Value pixel = vector::ExtractStridedSliceOp::create(
        k.b, codes, ArrayRef<int64_t>{i * kRows}, ArrayRef<int64_t>{kRows},
        ArrayRef<int64_t>{1});
    k.storeVector(pixel, y.buffer,
                  to + (pixels.rows[i] * y.rowPitch() +
                        pixels.columns[i] * kRows));
  }
}
