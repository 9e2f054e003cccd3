//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Depthwise convolution in f32: every channel has its own small filter.
//
// Channels are independent, so a vector of them is convolved as if it were one
// number. What has to be saved is loads: an output takes KH * KW products, but
// neighbours share most of their inputs. A tile of rows x columns outputs reads
// each input once and adds it to every output that it is part of:
//
//     3 x 3, tile 2 x 4:  (2 + 2) x (4 + 2) = 24 loads for 72 multiply-adds
//
// The KH * KW weights stay in registers over a whole channel block where they
// fit; otherwise (5 x 5 and more, or few registers) the kernel rows are a loop
// and each keeps its KW weights.
//
//   weights [C/V][kh][kw][V], in zero-padded lanes zero
//
// u8 inputs are widened in registers; their scale is part of the packed
// weights, so that a pixel costs a subtraction and a conversion.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Blocks of u8 activations, on every target.
constexpr int64_t kCodeBlock = 16;

struct DepthwiseTile {
  int64_t rows = 1;
  /// Of the first `wide` tiles of a row; the others have one column less.
  int64_t columns = 1;
  int64_t wide = 0, narrow = 0;
  /// All weights in registers; the kernel is unrolled.
  bool keepWeights = false;
};

/// In the order of memory: with few products per pixel it matters more that
/// reads are sequential than that successive ones go to different outputs.
SmallVector<int64_t> getSources(int64_t outputs, int64_t stride, int64_t kernel,
                                int64_t dilation) {
  SmallVector<int64_t> sources =
      getWindowPositions(outputs, stride, kernel, dilation);
  llvm::sort(sources);
  return sources;
}

/// The output that reads input position `source` at `offset` of its window, -1
/// if none does.
int64_t getOutput(int64_t source, int64_t offset, int64_t stride) {
  int64_t start = source - offset;
  return start < 0 || start % stride ? -1 : start / stride;
}

struct DepthwisePlan {
  DepthwisePlan(ConvOp op, const KernelTarget &target)
      : geometry(op), block(getBlock(op, target)),
        registersPerVector((block + target.lanes() - 1) / target.lanes()),
        available(target.vectorRegisters -
                  (target.vectorRegisters > 16 ? 6 : 0)),
        codes(op.getInputQuantAttr()) {
    chooseTile();
  }

  static int64_t getBlock(ConvOp op, const KernelTarget &target) {
    if (BlockedAttr layout = op.getOutputLayoutAttr())
      return layout.getBlock();
    bool codes = op.getInputQuantAttr() || op.getOutputQuantAttr() ||
                 op.getResidualQuantAttr();
    return codes ? kCodeBlock : target.lanes();
  }

  int64_t blocks() const {
    return (geometry.outputChannels + block - 1) / block;
  }
  int64_t taps() const { return geometry.kernelHeight * geometry.kernelWidth; }
  int64_t floats() const { return blocks() * taps() * block; }

  ConvGeometry geometry;
  int64_t block, registersPerVector, available;
  bool codes;
  DepthwiseTile tile;

private:
  double estimateTile(const DepthwiseTile &tile, int64_t columns) const;
  void chooseTile();
};

/// Cycles of one tile. Multiply-adds and loads go at two per cycle; the chain
/// of products of one output, 4 cycles each, overlaps with that of the next
/// tile.
double DepthwisePlan::estimateTile(const DepthwiseTile &tile,
                                   int64_t columns) const {
  constexpr double kLatency = 2.3, kCyclesPerLoad = 0.66, kPerOutput = 1.0,
                   kPerTile = 2.0;
  // Widening, subtracting, converting.
  constexpr double kConvert = 1.5;
  const ConvGeometry &g = geometry;
  int64_t outputs = tile.rows * columns;
  int64_t sources =
      int64_t(getWindowPositions(columns, g.strideX, g.kernelWidth, g.dilationX)
                  .size());
  sources *= tile.keepWeights
                 ? int64_t(getWindowPositions(tile.rows, g.strideY,
                                              g.kernelHeight, g.dilationY)
                               .size())
                 : tile.rows * g.kernelHeight;
  double arithmetic = outputs * taps() * 0.5 + (codes ? sources * kConvert : 0);
  double loads = (sources + (tile.keepWeights ? 0 : taps())) * kCyclesPerLoad;
  double cycles = std::max(arithmetic, loads) * registersPerVector;
  return std::max(cycles, kLatency * taps()) +
         outputs * registersPerVector * kPerOutput + kPerTile;
}

void DepthwisePlan::chooseTile() {
  const ConvGeometry &g = geometry;
  double best = std::numeric_limits<double>::infinity();
  tile.wide = g.outputWidth;
  auto consider = [&](const DepthwiseTile &candidate) {
    int64_t weights = candidate.keepWeights ? taps() : g.kernelWidth;
    int64_t live =
        (candidate.rows * candidate.columns + weights + 2) * registersPerVector;
    if (live > available)
      return;
    double row = candidate.wide * estimateTile(candidate, candidate.columns);
    if (candidate.narrow)
      row += candidate.narrow * estimateTile(candidate, candidate.columns - 1);
    double cycles = row * (g.outputHeight / candidate.rows);
    if (cycles < best * 0.995) {
      best = cycles;
      tile = candidate;
    }
  };
  for (int64_t rows = 1; rows <= std::min(g.outputHeight, available); ++rows)
    for (int64_t tiles = 1; tiles <= g.outputWidth; ++tiles) {
      int64_t columns = llvm::divideCeil(g.outputWidth, tiles);
      int64_t narrow = columns * tiles - g.outputWidth;
      if (g.outputHeight % rows || rows * columns > available)
        continue;
      consider({rows, columns, tiles - narrow, narrow, true});
      if (rows == 1)
        consider({rows, columns, tiles - narrow, narrow, false});
    }
}

/// Emits one kernel.
class DepthwiseEmitter {
public:
  DepthwiseEmitter(OpBuilder &builder, Location loc, ConvOp op,
                   const KernelTarget &target, ConvOp::Adaptor operands)
      : k(builder, loc, target), plan(op, target), g(plan.geometry), op(op),
        x(k.activation(operands.getInput(), op.getInputLayoutAttr(),
                       op.getInputQuantAttr())),
        y(k.activation(operands.getInit(), op.getOutputLayoutAttr(),
                       op.getOutputQuantAttr())),
        bias(operands.getBias()),
        weights(
            k.view(operands.getWeight(), k.b.getF32Type(), 0, plan.floats())) {
    assert(x.block == plan.block && y.block == plan.block &&
           "layouts of this family");
    if (operands.getResidual())
      residual =
          k.activation(operands.getResidual(), op.getResidualLayoutAttr(),
                       op.getResidualQuantAttr());
  }

  void emit() {
    const DepthwiseTile &tile = plan.tile;
    int64_t whole = tile.wide * tile.columns;
    int64_t rowTiles = g.outputHeight / tile.rows;
    fillSharedBorder(k, y, rowTiles);
    forChannelGroups(k, plan.blocks(), rowTiles, [&](Index block) {
      Value start = loadBias(block);
      SmallVector<Value> w;
      for (int64_t tap = 0; tile.keepWeights && tap < plan.taps(); ++tap)
        w.push_back(loadWeight(block, tap));
      k.forLoop(0, g.samples, 1, [&](Index n) {
        k.parallelFor(0, g.outputHeight, tile.rows, [&](Index row) {
          k.forLoop(0, whole, tile.columns, [&](Index column) {
            emitTile({block, n, row, column}, tile.columns, start, w);
          });
          k.forLoop(whole, g.outputWidth, tile.columns - 1, [&](Index column) {
            emitTile({block, n, row, column}, tile.columns - 1, start, w);
          });
        });
      });
    });
  }

private:
  struct Place {
    Index block, n, row, column;
  };

  Value loadBias(Index block) {
    if (!bias)
      return k.splatF32(0.0, plan.block);
    Index at = k.mul(block, plan.block);
    if (g.outputChannels % plan.block == 0)
      return k.loadVector(bias, at, plan.block);
    return k.loadBefore(bias, at, plan.block, g.outputChannels);
  }

  Value loadWeight(Index block, Index tap) {
    Index at =
        k.add(k.mul(block, plan.taps() * plan.block), k.mul(tap, plan.block));
    return k.loadVector(weights, at, plan.block);
  }

  /// A pixel as f32; of a code, its distance from the zero point, since the
  /// packed weights have the scale.
  Value loadPixel(Index at) {
    Value pixel = k.loadVector(x.buffer, at, plan.block);
    if (!x.quant)
      return pixel;
    auto steps =
        UniformAttr::get(k.b.getContext(), 1.0, x.quant.getZeroPoint());
    return k.dequantize(pixel, steps);
  }

  void emitTile(Place at, int64_t columns, Value start, ArrayRef<Value> w) {
    Index window =
        x.offset(k, at.n, at.block, k.mul(at.row, g.strideY) + -g.padTop,
                 k.mul(at.column, g.strideX) + -g.padLeft);
    SmallVector<Value> sums(plan.tile.rows * columns, start);
    if (plan.tile.keepWeights) {
      for (int64_t source :
           getSources(plan.tile.rows, g.strideY, g.kernelHeight, g.dilationY))
        emitRow(window + source * x.rowPitch(), source, columns, sums, w);
    } else {
      sums =
          k.forLoop(0, g.kernelHeight, 1, sums, [&](Index kh, ValueRange in) {
            SmallVector<Value> sums(in), w;
            for (int64_t kw = 0; kw < g.kernelWidth; ++kw)
              w.push_back(loadWeight(at.block, k.mul(kh, g.kernelWidth) + kw));
            Index row = k.add(window, k.mul(kh, g.dilationY * x.rowPitch()));
            emitRow(row, 0, columns, sums, w);
            return sums;
          });
    }
    emitEpilogue(at, columns, sums);
  }

  /// Adds one input row, number `source` of the window of the tile, to all
  /// outputs that it is part of. Each pixel is loaded once and then forgotten,
  /// and the outputs take turns. `w` holds the rows of weights that matter: all
  /// of the kernel, or the one that meets this row.
  void emitRow(Index at, int64_t source, int64_t columns,
               MutableArrayRef<Value> sums, ArrayRef<Value> w) {
    k.keepLoadsInOrder();
    int64_t kernelRows = w.size() / g.kernelWidth;
    for (int64_t from :
         getSources(columns, g.strideX, g.kernelWidth, g.dilationX)) {
      Value pixel = loadPixel(at + from * x.block);
      for (int64_t kh = 0; kh < kernelRows; ++kh)
        for (int64_t kw = 0; kw < g.kernelWidth; ++kw) {
          int64_t row = getOutput(source, kh * g.dilationY, g.strideY);
          int64_t column = getOutput(from, kw * g.dilationX, g.strideX);
          if (row < 0 || row >= plan.tile.rows || column < 0 ||
              column >= columns)
            continue;
          Value &sum = sums[row * columns + column];
          sum = k.fma(pixel, w[kh * g.kernelWidth + kw], sum);
        }
    }
  }

  void emitEpilogue(Place at, int64_t columns, ArrayRef<Value> sums) {
    Index to = y.offset(k, at.n, at.block, at.row, at.column), from;
    if (residual)
      from = residual->offset(k, at.n, at.block, at.row, at.column);
    for (auto [i, value] : llvm::enumerate(sums)) {
      int64_t row = i / columns, column = i % columns;
      Value sum = value;
      if (residual)
        sum = k.addf(sum, k.loadReals(*residual,
                                      from + (row * residual->rowPitch() +
                                              column * residual->block),
                                      plan.block));
      k.storeReals(sum, y, to + (row * y.rowPitch() + column * y.block),
                   op.getClampAttr());
    }
  }

  KernelBuilder k;
  DepthwisePlan plan;
  const ConvGeometry &g;
  ConvOp op;
  Activation x, y;
  std::optional<Activation> residual;
  Value bias, weights;
};

class DepthwiseF32 final : public KernelFamily {
public:
  StringRef getName() const override { return "depthwise_f32"; }
  int getPriority() const override { return 110; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    auto conv = dyn_cast<ConvOp>(op);
    if (!conv)
      reason = ("the op is " + op->getName().getStringRef() + ", not mpq.conv")
                   .str();
    else if (conv.getGroups() == 1)
      reason = "groups is 1";
    else if (conv.getWeightShape()[1] != 1)
      reason = "each of " + std::to_string(conv.getGroups()) + " groups has " +
               std::to_string(conv.getWeightShape()[1]) +
               " input channels, not 1";
    else if (!conv.isDepthwise())
      reason = "there are " + std::to_string(conv.getWeightShape()[0]) +
               " output channels for " + std::to_string(conv.getGroups()) +
               " input channels";
    else
      reason = checkStaticQuantization(
          {{"the input", conv.getInputQuantAttr()},
           {"the residual", conv.getResidualQuantAttr()},
           {"the result", conv.getOutputQuantAttr()}});
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    auto conv = cast<ConvOp>(op);
    ConvGeometry g(conv);
    int64_t block = DepthwisePlan::getBlock(conv, target);
    KernelLayouts layouts;
    layouts.activations = {g.getInputLayout(op->getContext(), block)};
    layouts.result = g.getResultLayout(op->getContext(), block);
    if (conv.getResidual())
      layouts.activations.push_back(layouts.result);
    return layouts;
  }

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    return llvm::alignTo(
        DepthwisePlan(cast<ConvOp>(op), target).floats() * sizeof(float), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    auto conv = cast<ConvOp>(op);
    DepthwisePlan plan(conv, target);
    KernelBuilder k(builder, loc, target);
    int64_t floats = getPackedBytes(op, target) / sizeof(float);
    Value to = k.view(packed, k.b.getF32Type(), 0, floats);
    k.fill(to, plan.floats(), floats - plan.floats(), k.f32(0.0));
    UniformAttr quant = conv.getInputQuantAttr();
    int64_t sizes[] = {plan.blocks(), plan.taps(), plan.block};
    k.forEach(sizes, [&](ArrayRef<Index> at) {
      Value valid;
      Index channel = k.linear({at[0], at[2]}, {plan.blocks(), plan.block});
      channel = k.limit(channel, plan.blocks() * plan.block,
                        plan.geometry.outputChannels, valid);
      Value value = k.readWeight(weight, channel, at[1], valid);
      if (quant)
        value = k.mulf(value, k.f32(quant.getScale()));
      k.store(value, to, k.linear(at, sizes));
    });
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto conv = cast<ConvOp>(op);
    DepthwiseEmitter(builder, loc, conv, target,
                     ConvOp::Adaptor(operands, conv))
        .emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyDepthwiseF32(DialectRegistry &) {
  Registry<KernelFamily>::get().add("depthwise_f32",
                                    std::make_unique<DepthwiseF32>());
}
} // namespace mpq
