//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.slice_pad` on blocked layouts.
//
// Along rows and columns a slice is a choice of pixels. Along the channels it
// shifts them across blocks: a block of the result is cut out of two
// neighbouring blocks of the input. Blocks of 4, 4 channels put at 2 of 8:
//
//     input            | a b c d |
//     result   | 0 0 a b | c d 0 0 |        low[1] = 2
//
//     result block 0 = lanes 2..5 of (nothing, input block 0)
//     result block 1 = lanes 2..5 of (input block 0, nothing)
//
// All blocks are shifted alike, so a vector of the result is one shuffle with a
// constant mask of (at most) two loads. Blocks that are composed in the same
// way share a loop. Threads share the rows of the result.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"
#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Result blocks [begin, end) that are composed in the same way.
struct BlockRun {
  int64_t begin, end;
  int64_t firstLane, lastLane; ///< lanes [first, last) come from the input
};

/// One slice, being emitted.
struct Emitter {
  KernelBuilder &k;
  SlicePadOp op;
  Activation from, to;
  Transfer transfer{k, from, to};

  /// How far channels move: input channel = result channel + shift.
  int64_t getShift() { return op.getOffsets()[1] - op.getLow()[1]; }
  SmallVector<BlockRun> getRuns();
  Value emitVector(const BlockRun &run, Index source);
  /// Row `h` of the part that is not padding, in these blocks.
  void emitRow(const BlockRun &run, Index h);
  void padPixels(int64_t first, int64_t last, Index h, int64_t w,
                 int64_t count);
  void run();
};

int64_t floorDivide(int64_t a, int64_t b) {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

} // namespace

SmallVector<BlockRun> Emitter::getRuns() {
  SmallVector<BlockRun> runs;
  int64_t low = op.getLow()[1], high = low + op.getSizes()[1];
  for (int64_t block = 0; block < to.channelBlocks(); ++block) {
    int64_t start = block * to.block;
    int64_t first = std::clamp<int64_t>(low - start, 0, to.block);
    int64_t last = std::clamp<int64_t>(high - start, first, to.block);
    if (!runs.empty() && runs.back().firstLane == first &&
        runs.back().lastLane == last)
      runs.back().end = block + 1;
    else
      runs.push_back({block, block + 1, first, last});
  }
  return runs;
}

/// The vector of one pixel; `source` is the pixel in the input block from which
/// lane 0 comes (which may not exist, if lane 0 is padding).
Value Emitter::emitVector(const BlockRun &run, Index source) {
  int64_t block = to.block,
          split = block - (getShift() - floorDivide(getShift(), block) * block);
  // Lanes before `split` come from that input block, the others from the next.
  Value zeros = transfer.makeZeros(block), low = zeros, high = zeros;
  if (run.firstLane < split)
    low = k.loadVector(from.buffer, source, block);
  if (run.lastLane > split)
    high = k.loadVector(from.buffer, source + from.planePitch(), block);
  Value lanes = low;
  if (split < block)
    lanes = vector::ShuffleOp::create(
        k.b, low, high,
        llvm::to_vector(llvm::seq(block - split, 2 * block - split)));
  if (run.lastLane - run.firstLane < block) {
    SmallVector<int64_t> mask;
    for (int64_t lane = 0; lane < block; ++lane)
      mask.push_back(
          lane >= run.firstLane && lane < run.lastLane ? lane : block + lane);
    lanes = vector::ShuffleOp::create(k.b, lanes, zeros, mask);
  }
  return transfer.close(transfer.open(lanes));
}

void Emitter::emitRow(const BlockRun &run, Index h) {
  ArrayRef<int64_t> offsets = op.getOffsets(), sizes = op.getSizes(),
                    strides = op.getStrides(), low = op.getLow();
  Value zero = makeZeroElement(k, to);
  int64_t blockShift = floorDivide(getShift(), to.block);
  k.forLoop(0, sizes[0], 1, [&](Index n) {
    k.forLoop(run.begin, run.end, 1, [&](Index block) {
      Index target = to.offset(k, n + low[0], block, h + low[2], low[3]);
      if (run.firstLane == run.lastLane)
        return k.fill(to.buffer, target, sizes[3] * to.block, zero);
      Index source = from.offset(
          k, k.mul(n, strides[0]) + offsets[0], block + blockShift,
          k.mul(h, strides[2]) + offsets[2], offsets[3]);
      forEachUnrolled(k, sizes[3], [&](Index w) {
        Value pixel =
            emitVector(run, k.add(source, k.mul(w, strides[3] * from.block)));
        k.storeVector(pixel, to.buffer, k.add(target, k.mul(w, to.block)));
      });
    });
  });
}

/// `count` pixels of row `h` of the result, from column `w` on, are padding, in
/// samples [first, last).
void Emitter::padPixels(int64_t first, int64_t last, Index h, int64_t w,
                        int64_t count) {
  if (count == 0)
    return;
  k.forLoop(first, last, 1, [&](Index n) {
    k.forLoop(0, to.channelBlocks(), 1, [&](Index block) {
      k.fill(to.buffer, to.offset(k, n, block, h, w), count * to.block,
             makeZeroElement(k, to));
    });
  });
}

void Emitter::run() {
  ArrayRef<int64_t> sizes = op.getSizes(), low = op.getLow();
  int64_t samples = to.shape[0], height = to.shape[2], width = to.shape[3];
  auto padRow = [&](Index h) { padPixels(0, samples, h, 0, width); };
  fillBorderByRows(k, to);
  k.parallelFor(0, low[2], 1, padRow);
  k.parallelFor(
      0, sizes[2], 1,
      [&](Index h) {
        Index row = h + low[2];
        int64_t n = low[0], end = n + sizes[0], right = low[3] + sizes[3];
        padPixels(0, n, row, 0, width);
        padPixels(end, samples, row, 0, width);
        padPixels(n, end, row, 0, low[3]);
        padPixels(n, end, row, right, width - right);
        for (const BlockRun &run : getRuns())
          emitRow(run, h);
      },
      low[2] ? KernelBuilder::Units::Joined : KernelBuilder::Units::Own);
  k.parallelFor(low[2] + sizes[2], height, 1, padRow,
                KernelBuilder::Units::Joined);
}

namespace {

struct SlicePad final : KernelFamily {
  StringRef getName() const override { return "slice_pad"; }
  int getPriority() const override { return 10; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto slice = dyn_cast<SlicePadOp>(op);
    if (!slice) {
      reason = "implements mpq.slice_pad only";
      return false;
    }
    if (!isOnBlocks(op, target, reason))
      return false;
    if (slice.getStrides()[1] == 1)
      return true;
    reason = "has stride " + std::to_string(slice.getStrides()[1]) +
             " along the channels";
    return false;
  }

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    return getVectorLayouts(op, target);
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto slice = cast<SlicePadOp>(op);
    KernelBuilder k(builder, loc, target);
    Emitter{k, slice,
            k.activation(operands[0], slice.getInputLayoutAttr(),
                         getCodes(slice.getInputQuantAttr())),
            k.activation(operands[1], slice.getOutputLayoutAttr(),
                         getCodes(slice.getOutputQuantAttr()))}
        .run();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilySlicePad(DialectRegistry &) {
  Registry<KernelFamily>::get().add("slice_pad", std::make_unique<SlicePad>());
}
} // namespace mpq
