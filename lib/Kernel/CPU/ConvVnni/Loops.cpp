//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one convolution kernel:
//
//     for sample, channel group, tile row, tile column:
//       for input block, kernel row, step: accumulate
//       epilogue
//
// The group is outside so that its weights stay in the cache. Where the tile
// does not divide the result, the last tile is moved back and overlaps its
// neighbour; it computes the same values there.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ConvVnni/Loops.h"

#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::vnni;

ConvLoops::ConvLoops(KernelBuilder &k, ConvOp op, ValueRange operands)
    : k(k), op(op), plan(op), g(plan.geometry),
      input(k.activation(operands[0], op.getInputLayoutAttr(),
                         op.getInputQuantAttr())),
      output(k.activation(operands.back(), op.getOutputLayoutAttr(),
                          op.getOutputQuantAttr())),
      packed(operands[1]),
      epilogue(k, bool(op.getResidual()), op.getResidualQuantAttr(),
               op.getOutputQuantAttr(), op.getClampAttr()),
      codes(input) {
  if (op.getBias())
    bias = operands[2];
  if (op.getResidual())
    residual =
        k.activation(operands[operands.size() - 2], op.getResidualLayoutAttr(),
                     op.getResidualQuantAttr());
  if (op.getInputQuant()->isDynamic()) {
    BlockedAttr layout = plan.getInputLayout(op.getContext());
    Value buffer = k.stackBuffer(k.b.getI8Type(), plan.scratchBytes);
    codes.buffer = buffer;
    // The rows above and below the image are rows of the strip like others.
    codes.shape[2] = plan.stripInputRows;
    codes.top = codes.bottom = 0;
    codes.left = layout.getLeft();
    codes.right = layout.getRight();
  }
  rows = op.getInputQuant()->isDynamic() ? plan.stripRows : g.outputHeight;
  int64_t bytes = cast<MemRefType>(codes.buffer.getType()).getNumElements();
  dwords = k.view(codes.buffer, k.b.getI32Type(), 0, bytes / kColumns);
}

void ConvLoops::emit() {
  if (rows < g.outputHeight)
    fillBorderByRows(k, output);
  else
    fillSharedBorder(k, output, rowTiles());
  k.forLoop(0, g.samples, 1, [&](Index n) {
    if (!op.getInputQuant()->isDynamic())
      return emitGroups(n);
    emitRange(n);
    k.parallelFor(0, llvm::divideCeil(g.outputHeight, rows), 1, [&](Index strip) {
      firstRow = k.mul(strip, rows);
      if (g.outputHeight % rows)
        firstRow = k.min(firstRow, g.outputHeight - rows);
      emitQuantization(n);
      emitGroups(n);
    });
  });
}

void ConvLoops::emitGroups(Index n) {
  forChannelGroups(k, plan.groups(), rowTiles(),
                   [&](Index group) { emitGroup(n, group); });
}

//===----------------------------------------------------------------------===//
// Inputs that are quantized here
//===----------------------------------------------------------------------===//

SmallVector<Value> ConvLoops::forEachInput(
    Index n, Index first, Index end, ValueRange init,
    function_ref<SmallVector<Value>(Index, Index, int64_t, ValueRange)> body) {
  // A row of a full channel block is one stretch of values. In the last block
  // the channel tail must not count, so pixels are taken one by one.
  constexpr int64_t kLanes = 16;
  Index top = k.add(k.mul(firstRow, g.strideY), -g.padTop);
  SmallVector<Value> carried(init);
  int64_t tail = g.inputChannels % plan.inputBlock;
  int64_t full = plan.inputBlocks - (tail != 0);
  auto visit = [&](int64_t firstBlock, int64_t endBlock, int64_t count,
                   int64_t pieces) {
    carried =
        k.forLoop(firstBlock, endBlock, 1, carried, [&](Index c, ValueRange v) {
          return k.forLoop(first, end, 1, v, [&](Index h, ValueRange v) {
            return k.forLoop(0, pieces, 1, v, [&](Index w, ValueRange v) {
              Index from = input.offset(k, n, c, h, w),
                    to = codes.offset(k, 0, c, k.sub(h, top), w);
              SmallVector<Value> next(v);
              for (int64_t i = 0; i < count; i += kLanes)
                next = body(from + i, to + i, std::min(kLanes, count - i), next);
              return next;
            });
          });
        });
  };
  visit(0, full, g.inputWidth * plan.inputBlock, 1);
  visit(full, plan.inputBlocks, tail, g.inputWidth);
  return carried;
}

void ConvLoops::emitRange(Index n) {
  constexpr int64_t kLanes = 16;
  RangeFinder finder(k);
  firstRow = 0;
  SmallVector<Value> range = forEachInput(
      n, 0, g.inputHeight, finder.start(),
      [&](Index from, Index, int64_t count, ValueRange v) {
        // What is not loaded is zero, and zero is in every range.
        return finder.include(v,
                              k.loadPartial(input.buffer, from, kLanes, count));
      });
  dynamic.emplace(finder.finish(op.getInputQuantAttr(), range));
}

void ConvLoops::emitQuantization(Index n) {
  constexpr int64_t kLanes = 16;
  Type i8 = k.b.getI8Type(), i32 = k.b.getI32Type();
  Value zero = arith::FPToSIOp::create(k.b, i32, dynamic->zeroPoint);
  k.fill(codes.buffer, 0, plan.scratchBytes,
         arith::TruncIOp::create(k.b, i8, zero));
  // The rows of the image among those of the strip.
  Index start = k.mul(firstRow, g.strideY);
  Index first = k.sub(k.add(start, k.sub(g.padTop, k.min(start, g.padTop))),
                      g.padTop);
  Index end = k.sub(k.min(k.add(start, plan.stripInputRows),
                          g.inputHeight + g.padTop),
                    g.padTop);
  forEachInput(n, first, end, {},
               [&](Index from, Index to, int64_t count,
                   ValueRange) -> SmallVector<Value> {
                 Value x = k.loadPartial(input.buffer, from, kLanes, count);
                 Value code = emitCodes(k, *dynamic, x);
                 k.storePartial(code, codes.buffer, to, count);
                 return {};
               });
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void ConvLoops::emitGroup(Index n, Index index) {
  Group group;
  group.index = index;
  int64_t channels = plan.outputBlocks * kRows;
  Value scales =
      k.view(packed, k.b.getF32Type(), plan.scalesOffset(), channels);
  Value sums = k.view(packed, k.b.getI32Type(), plan.sumsOffset(), channels);
  // Minus the zero point, in all lanes.
  Value zero;
  if (dynamic) {
    Value code = arith::FPToSIOp::create(
        k.b, k.b.getI32Type(), arith::NegFOp::create(k.b, dynamic->zeroPoint));
    zero = k.broadcast(code, kRows);
  } else {
    zero = k.splatInteger(32, -op.getInputQuant()->getZeroPoint(), kRows);
  }
  for (int64_t r = 0; r < plan.blocks; ++r) {
    Index row = k.mul(index, plan.blocks * kRows) + r * kRows;
    group.start.push_back(
        arith::MulIOp::create(k.b, k.loadVector(sums, row, kRows), zero));
    Value scale = k.loadVector(scales, row, kRows);
    group.scale.push_back(
        dynamic ? epilogue.foldScale(scale, dynamic->scale)
                : epilogue.foldScale(scale, op.getInputQuant()->getScale()));
    Value values;
    if (bias)
      values = g.outputChannels % kRows
                   ? k.loadBefore(bias, row, kRows, g.outputChannels)
                   : k.loadVector(bias, row, kRows);
    group.bias.push_back(epilogue.foldBias(values));
  }
  k.parallelFor(0, llvm::divideCeil(rows, plan.height), 1, [&](Index h) {
    h = k.mul(h, plan.height);
    if (rows % plan.height)
      h = k.min(h, rows - plan.height);
    emitRow(n, group, h);
  });
}

void ConvLoops::emitRow(Index n, const Group &group, Index h) {
  int64_t tiles = llvm::divideCeil(g.outputWidth, plan.width);
  int64_t last = g.outputWidth - plan.width;
  auto meetsBorder = [&](int64_t w) {
    return plan.zeroBorder &&
           plan.countTaps(w) < plan.width * g.kernelWidth;
  };
  // At constant places the tiles know what they may leave out.
  bool first = tiles > 1 && meetsBorder(0);
  bool end = tiles > 1 && meetsBorder(last);
  if (first)
    emitTile(n, group, h, 0);
  k.forLoop(first, tiles - end, 1, [&](Index w) {
    w = k.mul(w, plan.width);
    if (g.outputWidth % plan.width)
      w = k.min(w, last);
    emitTile(n, group, h, w);
  });
  if (end)
    emitTile(n, group, h, last);
}

void ConvLoops::emitTile(Index n, const Group &group, Index h, Index w) {
  Accumulators start(slot(plan.height, 0, 0));
  for (int64_t pixel = 0; pixel < plan.height * plan.width; ++pixel)
    for (int64_t r = 0; r < plan.blocks; ++r)
      for (int64_t chain = 0; chain < plan.chains; ++chain)
        start[slot(0, pixel, r, chain)] =
            chain ? k.splatInteger(32, 0, kRows) : group.start[r];

  // In dwords from here on. A buffer of our own holds one sample.
  Index sample = dynamic ? Index(0) : n;
  Index block = plan.getWindows().getStart(k, group.index);
  Index pixel = codes.offset(k, sample, block,
                             k.mul(h, g.strideY) + (dynamic ? 0 : -g.padTop),
                             k.mul(w, g.strideX) + -g.padLeft);
  Index from = k.floorDiv(pixel, kColumns);
  Index weights = k.mul(group.index, plan.groupBytes());
  int64_t blockPitch = codes.planePitch() / kColumns;
  int64_t blockBytes = plan.steps() * g.kernelHeight * plan.stepBytes();
  bool partial = plan.lastSteps() != plan.steps();
  int64_t full = plan.windowBlocks - partial;
  Window window = getWindow(h, w);
  Accumulators sums = k.forLoop(0, full, 1, start, [&](Index c, ValueRange v) {
    return emitInputBlock(k.add(from, k.mul(c, blockPitch)),
                          k.add(weights, k.mul(c, blockBytes)), plan.steps(),
                          window, v);
  });
  if (partial)
    sums = emitInputBlock(from + full * blockPitch, weights + full * blockBytes,
                          plan.lastSteps(), window, sums);
  emitResults(n, group, k.add(firstRow, h), w, sums);
}

ConvLoops::Window ConvLoops::getWindow(Index h, Index w) {
  Window window{0, g.kernelHeight, {}};
  if (plan.skipsRows()) {
    int64_t end = g.inputHeight + g.padTop;
    Index start = k.mul(h, g.strideY);
    window.firstRow = k.sub(g.padTop, k.min(start, g.padTop));
    window.endRow =
        k.min(k.sub(end, k.min(start, end)), g.kernelHeight);
  }
  if (plan.zeroBorder && w.isConstant())
    window.column = w.offset * g.strideX - g.padLeft;
  return window;
}

ConvLoops::Accumulators ConvLoops::emitInputBlock(Index from, Index weights,
                                                  int64_t steps,
                                                  const Window &window,
                                                  ValueRange accumulators) {
  int64_t rowPitch = codes.rowPitch() / kColumns * g.dilationY;
  int64_t rowBytes = steps * plan.stepBytes();
  int64_t unroll = steps % plan.unroll ? 1 : plan.unroll;
  return k.forLoop(
      window.firstRow, window.endRow, 1, accumulators,
      [&](Index row, ValueRange v) {
        Index rowFrom = k.add(from, k.mul(row, rowPitch));
        Index rowWeights = k.add(weights, k.mul(row, rowBytes));
        return k.forLoop(0, steps, unroll, v, [&](Index step, ValueRange v) {
          Accumulators next(v);
          emitSteps(k.add(rowFrom, step),
                    k.add(rowWeights, k.mul(step, plan.stepBytes())), unroll,
                    window, next);
          return next;
        });
      });
}

void ConvLoops::emitSteps(Index from, Index weights, int64_t unroll,
                          const Window &window, Accumulators &accumulators) {
  auto isInside = [&](int64_t column) {
    return !window.column || (*window.column + column >= 0 &&
                              *window.column + column < g.inputWidth);
  };
  int64_t pixelPitch = plan.inputBlock / kColumns;
  int64_t rowPitch = codes.rowPitch() / kColumns * g.strideY;
  for (int64_t u = 0; u < unroll; ++u)
    for (int64_t first = 0; first < g.kernelWidth;
         first += plan.columnsAtOnce) {
      int64_t last = std::min(g.kernelWidth, first + plan.columnsAtOnce);
      SmallVector<Value> taps;
      for (int64_t i = first * plan.blocks; i < last * plan.blocks; ++i)
        taps.push_back(k.loadVector(
            packed, weights + (u * plan.stepBytes() + i * kVectorBytes),
            kVectorBytes));
      // Rows take turns, so that dot products of one accumulator lie apart.
      for (int64_t column : plan.inputColumns(first, last))
        for (int64_t h = 0; isInside(column) && h < plan.height; ++h)
          emitColumn(from + (u + h * rowPitch + column * pixelPitch), h, column,
                     first, taps, u, accumulators);
    }
}

void ConvLoops::emitColumn(Index at, int64_t h, int64_t column, int64_t first,
                           ArrayRef<Value> taps, int64_t step,
                           Accumulators &accumulators) {
  auto vector = VectorType::get(kRows, k.b.getI32Type());
  Value pixel = vector::BroadcastOp::create(k.b, vector, k.load(dwords, at));
  int64_t count = taps.size() / plan.blocks;
  for (int64_t w = 0; w < plan.width; ++w) {
    int64_t distance = column - w * g.strideX - first * g.dilationX;
    int64_t tap = distance / g.dilationX;
    if (distance < 0 || distance % g.dilationX || tap >= count)
      continue;
    for (int64_t r = 0; r < plan.blocks; ++r) {
      int64_t chain = (step * g.kernelWidth + first + tap) % plan.chains;
      Value &sum = accumulators[slot(h, w, r, chain)];
      sum = emitDot(k, sum, pixel, taps[tap * plan.blocks + r]);
    }
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void ConvLoops::emitResults(Index n, const Group &group, Index h, Index w,
                            const Accumulators &accumulators) {
  constexpr int64_t kAtOnce = 4; // pixels of codes in a vector
  auto reals = VectorType::get(kRows, k.b.getF32Type());
  Index block = k.mul(group.index, plan.blocks);
  for (int64_t y = 0; y < plan.height; ++y)
    for (int64_t r = 0; r < plan.blocks; ++r) {
      Index to = output.offset(k, n, block + r, h + y, w), from;
      if (residual)
        from = residual->offset(k, n, block + r, h + y, w);
      SmallVector<Value> results;
      for (int64_t x = 0; x < plan.width; ++x) {
        Value sum = accumulators[slot(y, x, r)];
        for (int64_t chain = 1; chain < plan.chains; ++chain)
          sum = arith::AddIOp::create(k.b, sum,
                                      accumulators[slot(y, x, r, chain)]);
        Value other;
        if (residual)
          other = k.loadVector(residual->buffer, from + x * kRows, kRows);
        results.push_back(
            epilogue.apply(arith::SIToFPOp::create(k.b, reals, sum),
                           group.scale[r], group.bias[r], other));
      }
      if (!output.quant) {
        for (int64_t x = 0; x < plan.width; ++x)
          k.storeVector(results[x], output.buffer, to + x * kRows);
        continue;
      }
      for (int64_t x = 0; x < plan.width; x += kAtOnce) {
        int64_t count = std::min(kAtOnce, plan.width - x);
        Value codes = epilogue.encode(ArrayRef(results).slice(x, count));
        k.storePartial(codes, output.buffer, to + x * kRows, count * kRows);
      }
    }
}
