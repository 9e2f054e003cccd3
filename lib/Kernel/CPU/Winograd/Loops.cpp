//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Groups of tiles, the 36 matrix products of each, and its results.
//
//===----------------------------------------------------------------------===//

#include "Loops.h"

#include "Transform.h"

#include "mpq/Kernel/ParallelRows.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::winograd;

WinogradLoops::WinogradLoops(OpBuilder &builder, Location loc, ConvOp op,
                             const KernelTarget &target,
                             ConvOp::Adaptor operands)
    : k(builder, loc, target), plan(op, target), g(plan.geometry), op(op),
      x(k.activation(operands.getInput(), op.getInputLayoutAttr())),
      y(k.activation(operands.getInit(), op.getOutputLayoutAttr(),
                     op.getOutputQuantAttr())),
      bias(operands.getBias()) {
  assert(x.block == plan.inputBlock && y.block == plan.block &&
         "layouts of this family");
  if (operands.getResidual())
    residual = k.activation(operands.getResidual(), op.getResidualLayoutAttr(),
                            op.getResidualQuantAttr());
  Type f32 = k.b.getF32Type();
  weights = k.view(operands.getWeight(), f32, 0, plan.floats());
  inputs = k.stackBuffer(f32, plan.inputFloats());
  products = k.stackBuffer(f32, plan.productFloats());
  pending = k.stackBuffer(k.b.getIndexType(), 1);
}

void WinogradLoops::emit() {
  int64_t tiles = plan.tiles(), atOnce = plan.tilesAtOnce;
  // Of one group of tiles threads share the blocks.
  if (atOnce == tiles)
    fillBorderByBlocks(k, y);
  else
    fillBorderByRows(k, y);
  k.forLoop(0, g.samples, 1, [&](Index n) {
    k.parallelFor(0, llvm::divideCeil(tiles, atOnce), 1, [&](Index i) {
      // The last group is moved back, too.
      Index first = k.mul(i, atOnce);
      if (tiles % atOnce)
        first = k.min(first, tiles - atOnce);
      if (atOnce < tiles)
        emitInputs(n, first);
      else
        k.store(k.value(1), pending, 0);
      k.parallelFor(0, plan.outputBlocks() / plan.blocksAtOnce, 1,
                    [&](Index group) {
                      if (atOnce == tiles)
                        emitInputsOnce(n, group);
                      k.forLoop(0, kPositions, 1, [&](Index position) {
                        emitProducts(group, position);
                      });
                      emitResults(n, first, group);
                    });
    });
  });
}

std::pair<Index, Index> WinogradLoops::getPlace(Index tile) {
  Index row = k.mul(k.floorDiv(tile, plan.tilesX()), kTile);
  Index column = k.mul(k.mod(tile, plan.tilesX()), kTile);
  if (g.outputHeight % kTile)
    row = k.min(row, g.outputHeight - kTile);
  if (g.outputWidth % kTile)
    column = k.min(column, g.outputWidth - kTile);
  return {row, column};
}

void WinogradLoops::emitInputs(Index n, Index first) {
  k.forEach({plan.tilesAtOnce, plan.inputBlocks()}, [&](ArrayRef<Index> at) {
    emitInput(n, k.add(first, at[0]), at[0], at[1]);
  });
}

void WinogradLoops::emitInputsOnce(Index n, Index group) {
  int64_t blocks = plan.inputBlocks(), half = blocks / 2;
  auto emit = [&](int64_t from, int64_t to, bool isFetching) {
    k.forEach({to - from, plan.tilesAtOnce}, [&](ArrayRef<Index> at) {
      Index block = k.add(k.mul(group, plan.blocksAtOnce), at[0] + from);
      if (isFetching)
        fetchInput(n, at[1], k.mod(k.add(block, half), blocks));
      emitInput(n, at[1], at[1], k.mod(block, blocks));
    });
  };
  k.forLoop(0, Index(k.load(pending, 0)), 1, [&](Index) {
    emit(0, half, /*isFetching=*/true);
    emit(half, blocks, /*isFetching=*/false);
    k.store(k.value(0), pending, 0);
  });
}

Index WinogradLoops::getWindow(Index n, Index tile, Index block) {
  auto [row, column] = getPlace(tile);
  return k.add(x.offset(k, n, 0, row + -g.padTop, column + -g.padLeft),
               k.mul(block, x.planePitch()));
}

void WinogradLoops::fetchInput(Index n, Index tile, Index block) {
  Index from = getWindow(n, tile, block);
  for (int64_t i = 0; i < kTile; ++i)
    for (int64_t j = 0; j < kTile; ++j)
      k.prefetch(x.buffer, from + ((i + 1) * x.rowPitch() + (j + 1) * x.block));
}

void WinogradLoops::emitInput(Index n, Index tile, Index t, Index block) {
  Index from = getWindow(n, tile, block);
  Index to = k.add(k.mul(t, plan.tilePitch()), k.mul(block, plan.inputBlock));
  emitInputTransform(
      k,
      [&](int64_t i, int64_t j) {
        return k.loadVector(x.buffer, from + (i * x.rowPitch() + j * x.block),
                            plan.inputBlock);
      },
      [&](int64_t i, int64_t j, Value value) {
        k.storeVector(value, inputs,
                      to + (i * kWindow + j) * plan.positionPitch());
      });
}

void WinogradLoops::emitProducts(Index group, Index position) {
  constexpr int64_t kUnroll = 8;
  int64_t blocks = plan.blocksAtOnce, tiles = plan.tilesAtOnce;
  Index from = k.mul(position, plan.positionPitch());
  Index u = k.add(k.mul(group, plan.groupFloats()),
                  k.mul(position, plan.transformFloats()));
  auto addChannels = [&](Index channel, int64_t count, ValueRange in) {
    SmallVector<Value> sums(in);
    for (int64_t c = 0; c < count; ++c) {
      SmallVector<Value> w;
      for (int64_t r = 0; r < blocks; ++r)
        w.push_back(k.loadVector(
            weights,
            k.add(u, k.mul(channel, plan.channelFloats())) +
                (c * plan.channelFloats() + r * plan.block),
            plan.block));
      // Unrolled channels are a multiple of the chains.
      MutableArrayRef<Value> chain = MutableArrayRef(sums).slice(
          c % plan.chains * tiles * blocks, tiles * blocks);
      for (int64_t t = 0; t < tiles; ++t) {
        Value value =
            k.load(inputs, k.add(from, channel) + (t * plan.tilePitch() + c));
        value = k.broadcast(value, plan.block);
        for (int64_t r = 0; r < blocks; ++r)
          chain[t * blocks + r] = k.fma(value, w[r], chain[t * blocks + r]);
      }
    }
    return sums;
  };
  SmallVector<Value> sums(tiles * blocks * plan.chains,
                          k.splatF32(0.0, plan.block));
  int64_t unrolled = g.inputChannels / kUnroll * kUnroll;
  sums = k.forLoop(0, unrolled, kUnroll, sums, [&](Index c, ValueRange v) {
    return addChannels(c, kUnroll, v);
  });
  sums = addChannels(unrolled, g.inputChannels - unrolled, sums);
  Index to = k.mul(position, plan.block);
  for (int64_t i = 0; i < tiles * blocks; ++i) {
    Value sum = sums[i];
    for (int64_t chain = 1; chain < plan.chains; ++chain)
      sum = k.addf(sum, sums[chain * tiles * blocks + i]);
    k.storeVector(sum, products, to + i * kPositions * plan.block);
  }
}

void WinogradLoops::emitResults(Index n, Index first, Index group) {
  k.forLoop(0, plan.tilesAtOnce, 1, [&](Index t) {
    auto [row, column] = getPlace(k.add(first, t));
    k.forLoop(0, plan.blocksAtOnce, 1, [&](Index r) {
      Index block = k.add(k.mul(group, plan.blocksAtOnce), r);
      Index from = k.mul(k.add(k.mul(t, plan.blocksAtOnce), r),
                         kPositions * plan.block);
      emitTile(n, row, column, block, from);
    });
  });
}

void WinogradLoops::emitTile(Index n, Index row, Index column, Index block,
                             Index from) {
  SmallVector<Value> results =
      emitOutputTransform(k, [&](int64_t i, int64_t j) {
        return k.loadVector(products, from + (i * kWindow + j) * plan.block,
                            plan.block);
      });
  Value start;
  if (bias) {
    Index at = k.mul(block, plan.block);
    start = g.outputChannels % plan.block
                ? k.loadBefore(bias, at, plan.block, g.outputChannels)
                : k.loadVector(bias, at, plan.block);
  }
  Index to = y.offset(k, n, block, row, column), other;
  if (residual)
    other = residual->offset(k, n, block, row, column);
  for (auto [i, value] : llvm::enumerate(results)) {
    int64_t h = i / kTile, w = i % kTile;
    Value result = start ? k.addf(value, start) : value;
    if (residual)
      result = k.addf(
          result, k.loadReals(*residual,
                              other + (h * residual->rowPitch() +
                                       w * residual->block),
                              plan.block));
    k.storeReals(result, y, to + (h * y.rowPitch() + w * y.block),
                 op.getClampAttr());
  }
}
