//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Direct convolution of floats on channel-blocked activations, in two families.
//
// conv_f32 multiplies single channels in f32, whatever the activations are
// stored as. conv_bf16 multiplies pairs of channels that are stored as bf16,
// with weights rounded to bf16, and sums in f32 (vdpbf16ps): twice as fast, for
// CPUs that have it.
//
//   input    [N][IC/B][top + H + bottom][left + W + right][B], B the channels
//            of a vector register, or few for images: 1 (planar), or 4 as pairs
//   weights  one linear stream in order of use, zero where O or IC is no
//            multiple of the block; P channels (1 or 2) are one step:
//            [OC/V/R][IC/B][kh][B/P][kw][R][V][P]
//            (in groups, only the blocks of a window: ChannelWindows.h)
//   result   [N][OC/V][..][..][V]
//
//   for group of R output blocks:              its weights stay in L2
//     for n, tile of rows, tile of columns:    accumulators = bias
//       for input block, kh, step:             see Tile.h
//       + residual, clamp, store
//
// The border of the input is read like any pixel. u8 activations are converted
// on the way: inputs through a table of 256 reals (what is broadcast would else
// have to be converted one by one), residuals and results in registers.
//
//===----------------------------------------------------------------------===//

#include "Tile.h"

#include "mpq/Kernel/ChannelWindows.h"
#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Up to this many channels an input is planar, or in blocks of so many where
/// pairs are multiplied: a vector would be mostly empty.
constexpr int64_t kFewChannels = 4;
/// Blocks of u8 activations, on every target.
constexpr int64_t kCodeBlock = 16;

/// Everything that follows from the op: shared by packing and computing.
struct ConvPlan {
  ConvPlan(ConvOp op, const KernelTarget &target, bool pairs)
      : geometry(op), pairs(pairs),
        inputBlock(getInputBlock(op, target, pairs)),
        block(getResultBlock(op, target)),
        tile(chooseConvTile({geometry, perStep(), block,
                             (block + target.lanes() - 1) / target.lanes(),
                             target.vectorBits / 8, target.vectorRegisters,
                             op.getInputQuantAttr() ? 2 : 1,
                             ChannelWindows::getMaxVectors(op, block)})),
        windows(op, tile.blocks * block, inputBlock) {}

  static int64_t getInputBlock(ConvOp op, const KernelTarget &target,
                               bool pairs) {
    if (BlockedAttr layout = op.getInputLayoutAttr())
      return layout.getBlock();
    if (ConvGeometry(op).inputChannels <= kFewChannels)
      return pairs ? kFewChannels : 1;
    return op.getInputQuantAttr() ? kCodeBlock : target.lanes();
  }
  static int64_t getResultBlock(ConvOp op, const KernelTarget &target) {
    if (BlockedAttr layout = op.getOutputLayoutAttr())
      return layout.getBlock();
    return op.getOutputQuantAttr() || op.getResidualQuantAttr()
               ? kCodeBlock
               : target.lanes();
  }

  int64_t inputBlocks() const {
    return (geometry.inputChannels + inputBlock - 1) / inputBlock;
  }
  /// Input blocks that the output channels of a tile depend on.
  int64_t windowBlocks() const { return windows.getCount(); }
  int64_t groups() const {
    return (geometry.outputChannels + block - 1) / block / tile.blocks;
  }
  /// Channels of one step, and steps of an input block.
  int64_t perStep() const { return pairs ? 2 : 1; }
  int64_t steps() const { return inputBlock / perStep(); }
  /// Weights of one step, one kernel row, one input block, one group.
  int64_t stepSize() const {
    return geometry.kernelWidth * tile.blocks * block * perStep();
  }
  int64_t rowSize() const { return steps() * stepSize(); }
  int64_t blockSize() const { return geometry.kernelHeight * rowSize(); }
  int64_t groupSize() const { return windowBlocks() * blockSize(); }
  int64_t size() const { return groups() * groupSize(); }
  Type getWeightType(KernelBuilder &k) const {
    return pairs ? Type(k.b.getBF16Type()) : k.b.getF32Type();
  }
  int64_t weightBytes() const { return pairs ? 2 : 4; }

  ConvGeometry geometry;
  bool pairs;
  int64_t inputBlock, block;
  ConvTile tile;
  ChannelWindows windows;
};

/// Emits one kernel.
class ConvEmitter {
public:
  ConvEmitter(OpBuilder &builder, Location loc, ConvOp op,
              const KernelTarget &target, bool pairs, ConvOp::Adaptor operands)
      : k(builder, loc, target), plan(op, target, pairs), g(plan.geometry),
        op(op), x(k.activation(operands.getInput(), op.getInputLayoutAttr(),
                               op.getInputQuantAttr())),
        y(k.activation(operands.getInit(), op.getOutputLayoutAttr(),
                       op.getOutputQuantAttr())),
        bias(operands.getBias()) {
    assert(x.block == plan.inputBlock && y.block == plan.block &&
           "layouts of this family");
    if (operands.getResidual())
      residual =
          k.activation(operands.getResidual(), op.getResidualLayoutAttr(),
                       op.getResidualQuantAttr());
    weights =
        k.view(operands.getWeight(), plan.getWeightType(k), 0, plan.size());
    codeTable = k.makeCodeTable(x.quant);
  }

  void emit() {
    const ConvTile &tile = plan.tile;
    int64_t whole = tile.wide * tile.columns;
    int64_t rowTiles = g.outputHeight / tile.rows;
    fillSharedBorder(k, y, rowTiles);
    forChannelGroups(k, plan.groups(), rowTiles, [&](Index group) {
      SmallVector<Value> start = loadBias(group);
      k.forLoop(0, g.samples, 1, [&](Index n) {
        k.parallelFor(0, g.outputHeight, tile.rows, [&](Index row) {
          k.forLoop(0, whole, tile.columns, [&](Index column) {
            emitTile({group, n, row, column}, tile.columns, start);
          });
          k.forLoop(whole, g.outputWidth, tile.columns - 1, [&](Index column) {
            emitTile({group, n, row, column}, tile.columns - 1, start);
          });
        });
      });
    });
  }

private:
  struct Place {
    Index group, n, row, column;
  };

  /// Accumulators are numbered [row][column][block].
  int64_t accumulator(int64_t row, int64_t column, int64_t columns,
                      int64_t r) const {
    return (row * columns + column) * plan.tile.blocks + r;
  }

  SmallVector<Value> loadBias(Index group) {
    SmallVector<Value> result;
    for (int64_t r = 0; r < plan.tile.blocks; ++r) {
      if (!bias) {
        result.push_back(k.splatF32(0.0, plan.block));
        continue;
      }
      Index at = k.mul(group, plan.tile.blocks * plan.block) + r * plan.block;
      result.push_back(
          g.outputChannels % plan.block
              ? k.loadBefore(bias, at, plan.block, g.outputChannels)
              : k.loadVector(bias, at, plan.block));
    }
    return result;
  }

  void emitTile(Place at, int64_t columns, ArrayRef<Value> start) {
    SmallVector<Value> sums;
    for (int64_t pixel = 0; pixel < plan.tile.rows * columns; ++pixel)
      llvm::append_range(sums, start);
    Index window = x.offset(k, at.n, 0, k.mul(at.row, g.strideY) + -g.padTop,
                            k.mul(at.column, g.strideX) + -g.padLeft);
    Index stream = k.mul(at.group, plan.groupSize());
    int64_t rows = getUnrolledRows(columns);
    std::pair<Index, Index> kernelRows = getKernelRows(at.row, rows);
    Index firstBlock = plan.windows.getStart(k, at.group);
    sums = k.forLoop(
        0, plan.windowBlocks(), 1, sums, [&](Index block, ValueRange sums) {
          Index input = k.add(firstBlock, block);
          Index steps = countSteps(input);
          Index xBlock = k.add(window, k.mul(input, x.planePitch()));
          Index wBlock = k.add(stream, k.mul(block, plan.blockSize()));
          return k.forLoop(
              kernelRows.first, kernelRows.second, rows, sums,
              [&](Index kh, ValueRange in) {
                SmallVector<Value> sums(in);
                for (int64_t i = 0; i < rows; ++i) {
                  Index xRow =
                      k.add(xBlock, k.mul(kh + i, g.dilationY * x.rowPitch()));
                  Index wRow = k.add(wBlock, k.mul(kh + i, plan.rowSize()));
                  sums = emitSteps(xRow, wRow, steps, columns, sums);
                }
                return sums;
              });
        });
    emitEpilogue(at, columns, sums);
  }

  /// The rows of the kernel that meet the input, for tiles of one row: the
  /// others would add zeros of the border (a twelfth of all products at 8 x 8).
  std::pair<Index, Index> getKernelRows(Index row, int64_t unrolled) {
    int64_t end = g.inputHeight + g.padTop;
    bool meetsBorder =
        g.padTop > 0 || (g.outputHeight - 1) * g.strideY + g.kernelHeight > end;
    if (plan.tile.rows > 1 || unrolled > 1 || g.dilationY > 1 || !meetsBorder)
      return {0, g.kernelHeight};
    Index start = k.mul(row, g.strideY);
    return {k.sub(g.padTop, k.min(start, g.padTop)),
            k.min(k.sub(end, k.min(start, end)), g.kernelHeight)};
  }

  /// The steps of an input block: fewer in the last one.
  Index countSteps(Index block) {
    int64_t steps = llvm::divideCeil(g.inputChannels, plan.perStep());
    if (steps % plan.steps() == 0)
      return plan.steps();
    return k.min(k.sub(steps, k.mul(block, plan.steps())), plan.steps());
  }

  /// How many steps one loop iteration takes: enough arithmetic to make the
  /// loop itself free, not more.
  int64_t getUnroll(int64_t columns) const {
    int64_t unroll = 1;
    while (unroll * 2 * getStepWork(columns) <= 128 &&
           plan.steps() % (unroll * 2) == 0)
      unroll *= 2;
    return unroll;
  }

  /// All kernel rows of an input of few channels, unless they are large.
  int64_t getUnrolledRows(int64_t columns) const {
    bool small = getStepWork(columns) * g.kernelHeight <= 192;
    return plan.steps() == 1 && small ? g.kernelHeight : 1;
  }

  /// Multiply-adds of one step.
  int64_t getStepWork(int64_t columns) const {
    return plan.tile.rows * columns * plan.tile.blocks * g.kernelWidth;
  }

  SmallVector<Value> emitSteps(Index xRow, Index wRow, Index steps,
                               int64_t columns, ValueRange sums) {
    int64_t unroll = getUnroll(columns);
    return k.forLoop(0, steps, unroll, sums, [&](Index first, ValueRange in) {
      SmallVector<Value> sums(in);
      Index xStep = k.add(xRow, k.mul(first, plan.perStep()));
      Index wStep = k.add(wRow, k.mul(first, plan.stepSize()));
      for (int64_t u = 0; u < unroll; ++u)
        emitStep(xStep + u * plan.perStep(), wStep + u * plan.stepSize(),
                 columns, sums);
      return sums;
    });
  }

  /// One channel, or a pair of them, and one kernel row.
  void emitStep(Index xStep, Index wStep, int64_t columns,
                MutableArrayRef<Value> sums) {
    if (!plan.tile.keepWeights) {
      for (int64_t kw = 0; kw < g.kernelWidth; ++kw)
        emitTaps(xStep, wStep, columns, kw, kw + 1, sums);
      return;
    }
    emitTaps(xStep, wStep, columns, 0, g.kernelWidth, sums);
  }

  /// The taps [firstKw, endKw) of a step, each input column read once.
  void emitTaps(Index xStep, Index wStep, int64_t columns, int64_t firstKw,
                int64_t endKw, MutableArrayRef<Value> sums) {
    k.keepLoadsInOrder();
    int64_t blocks = plan.tile.blocks;
    SmallVector<Value> w(g.kernelWidth * blocks);
    for (int64_t i = firstKw * blocks; i < endKw * blocks; ++i)
      w[i] = loadWeights(wStep, i);
    int64_t span = (g.kernelWidth - 1) * g.dilationX + 1;
    SmallVector<std::pair<int64_t, int64_t>> pixels; // row, column
    for (int64_t source :
         getWindowPositions(columns, g.strideX, g.kernelWidth, g.dilationX))
      for (int64_t row = 0; row < plan.tile.rows; ++row)
        pixels.push_back({row, source});
    // Row by row within one remainder: see getWindowPositions.
    llvm::stable_sort(pixels, [&](auto a, auto b) {
      return std::pair(a.second % span, a.first) <
             std::pair(b.second % span, b.first);
    });
    for (auto [row, source] : pixels) {
      Value pixel;
      for (int64_t kw = firstKw; kw < endKw; ++kw) {
        int64_t column = (source - kw * g.dilationX) / g.strideX;
        if (column * g.strideX + kw * g.dilationX != source || column < 0 ||
            column >= columns)
          continue;
        if (!pixel)
          pixel = broadcast(
              xStep + (row * g.strideY * x.rowPitch() + source * x.block));
        for (int64_t r = 0; r < blocks; ++r) {
          Value &sum = sums[accumulator(row, column, columns, r)];
          sum = plan.pairs ? k.dotPairs(sum, w[kw * blocks + r], pixel)
                           : k.fma(pixel, w[kw * blocks + r], sum);
        }
      }
    }
  }

  /// Vector `i` of the weights of a step.
  Value loadWeights(Index wStep, int64_t i) {
    int64_t elements = plan.block * plan.perStep();
    return k.loadStored(weights, wStep + i * elements, elements);
  }

  /// What a step multiplies of one pixel, in all lanes.
  Value broadcast(Index at) {
    if (plan.pairs)
      return k.broadcastPair(x.buffer, at, plan.block);
    return k.broadcastReal(x, at, plan.block, codeTable);
  }

  void emitEpilogue(Place at, int64_t columns, ArrayRef<Value> sums) {
    Index block = k.mul(at.group, plan.tile.blocks);
    Index to = y.offset(k, at.n, block, at.row, at.column), from;
    if (residual)
      from = residual->offset(k, at.n, block, at.row, at.column);
    auto pixel = [&](const Activation &a, Index at, int64_t row, int64_t column,
                     int64_t r) {
      return at + (r * a.planePitch() + row * a.rowPitch() + column * a.block);
    };
    for (int64_t row = 0; row < plan.tile.rows; ++row)
      for (int64_t r = 0; r < plan.tile.blocks; ++r)
        for (int64_t column = 0; column < columns; ++column) {
          Value sum = sums[accumulator(row, column, columns, r)];
          if (residual)
            sum =
                k.addf(sum, k.loadReals(*residual,
                                        pixel(*residual, from, row, column, r),
                                        plan.block));
          k.storeReals(sum, y, pixel(y, to, row, column, r), op.getClampAttr());
        }
  }

  KernelBuilder k;
  ConvPlan plan;
  const ConvGeometry &g;
  ConvOp op;
  Activation x, y;
  std::optional<Activation> residual;
  Value bias, weights, codeTable;
};

/// Both families: what differs is what one step multiplies.
class ConvFloat : public KernelFamily {
public:
  explicit ConvFloat(bool pairs) : pairs(pairs) {}

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    auto conv = cast<ConvOp>(op);
    ConvGeometry g(conv);
    KernelLayouts layouts;
    layouts.result = g.getResultLayout(op->getContext(),
                                       ConvPlan::getResultBlock(conv, target));
    layouts.activations = {g.getInputLayout(
        op->getContext(), ConvPlan::getInputBlock(conv, target, pairs))};
    if (conv.getResidual())
      layouts.activations.push_back(layouts.result);
    return layouts;
  }

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    ConvPlan plan(cast<ConvOp>(op), target, pairs);
    return llvm::alignTo(plan.size() * plan.weightBytes(), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    ConvPlan plan(cast<ConvOp>(op), target, pairs);
    const ConvGeometry &g = plan.geometry;
    // Packing may run on another CPU.
    KernelTarget any = target;
    any.avx512bf16 = false;
    KernelBuilder k(builder, loc, any);
    int64_t size = getPackedBytes(op, target) / plan.weightBytes();
    Value to = k.view(packed, plan.getWeightType(k), 0, size);
    k.fill(to, plan.size(), size - plan.size(), k.f32(0.0));
    int64_t sizes[] = {plan.groups(), plan.windowBlocks(), g.kernelHeight,
                       plan.steps(),  g.kernelWidth,       plan.tile.blocks,
                       plan.block,    plan.perStep()};
    k.forEach(sizes, [&](ArrayRef<Index> at) {
      Index group = at[0], block = at[1], kh = at[2], kw = at[4];
      Value valid;
      Index row = k.linear({group, at[5], at[6]},
                           {plan.groups(), plan.tile.blocks, plan.block});
      row = k.limit(row, plan.groups() * plan.tile.blocks * plan.block,
                    g.outputChannels, valid);
      Index channel = k.linear(
          {k.add(plan.windows.getStart(k, group), block), at[3], at[7]},
          {plan.inputBlocks(), plan.steps(), plan.perStep()});
      channel = k.limit(channel, plan.inputBlocks() * plan.inputBlock,
                        g.inputChannels, valid);
      channel = plan.windows.getChannel(k, row, channel, valid);
      Index column = k.linear({channel, kh, kw},
                              {g.inputChannels, g.kernelHeight, g.kernelWidth});
      Value value = k.readWeight(weight, row, column, valid);
      k.store(value, to, k.linear(at, sizes));
    });
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto conv = cast<ConvOp>(op);
    ConvEmitter(builder, loc, conv, target, pairs,
                ConvOp::Adaptor(operands, conv))
        .emit();
  }

protected:
  static ConvOp getConv(Operation *op, std::string &reason) {
    auto conv = dyn_cast<ConvOp>(op);
    if (!conv)
      reason = ("the op is " + op->getName().getStringRef() + ", not mpq.conv")
                   .str();
    return conv;
  }

private:
  bool pairs;
};

struct ConvF32 final : ConvFloat {
  ConvF32() : ConvFloat(/*pairs=*/false) {}
  StringRef getName() const override { return "conv_f32"; }
  int getPriority() const override { return 100; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    ConvOp conv = getConv(op, reason);
    if (!conv)
      return false;
    reason =
        checkStaticQuantization({{"the input", conv.getInputQuantAttr()},
                                 {"the residual", conv.getResidualQuantAttr()},
                                 {"the result", conv.getOutputQuantAttr()}});
    return reason.empty();
  }
};

struct ConvBf16 final : ConvFloat {
  ConvBf16() : ConvFloat(/*pairs=*/true) {}
  StringRef getName() const override { return "conv_bf16"; }
  int getPriority() const override { return 105; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    ConvOp conv = getConv(op, reason);
    if (!conv)
      return false;
    if (!getElementTypeOrSelf(conv.getInput()).isBF16())
      reason = "the input is not bf16";
    else if (conv.getInputQuantAttr())
      reason = "the input is quantized dynamically";
    else if (!target.avx512bf16 || target.lanes() != 16)
      reason = "the target lacks AVX512_BF16";
    else
      reason = checkStaticQuantization(
          {{"the residual", conv.getResidualQuantAttr()},
           {"the result", conv.getOutputQuantAttr()}});
    return reason.empty();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyConvFloat(DialectRegistry &) {
  Registry<KernelFamily>::get().add("conv_f32", std::make_unique<ConvF32>());
  Registry<KernelFamily>::get().add("conv_bf16", std::make_unique<ConvBf16>());
}
} // namespace mpq
