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

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Blocks of u8 activations, on every target.
constexpr int64_t kCodeBlock = 16;

struct DepthwiseTile {
  int64_t rows = 1, columns = 1;
  /// All weights in registers; the kernel is unrolled.
  bool keepWeights = false;
};

/// Input positions along one dimension that `outputs` outputs touch.
int64_t countTouched(int64_t outputs, int64_t stride, int64_t kernel,
                     int64_t dilation) {
  if (dilation == 1)
    return stride < kernel ? (outputs - 1) * stride + kernel : outputs * kernel;
  // Windows with holes overlap where a multiple of the stride is one of the
  // dilation; counting is simpler than arguing.
  SmallVector<int64_t> touched;
  for (int64_t i = 0; i < outputs; ++i)
    for (int64_t j = 0; j < kernel; ++j)
      touched.push_back(i * stride + j * dilation);
  llvm::sort(touched);
  return std::unique(touched.begin(), touched.end()) - touched.begin();
}

struct DepthwisePlan {
  DepthwisePlan(ConvOp op, const KernelTarget &target)
      : geometry(op), block(getBlock(op, target)),
        registersPerVector((block + target.lanes() - 1) / target.lanes()),
        available(target.vectorRegisters -
                  (target.vectorRegisters > 16 ? 3 : 0)),
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
  double estimateTile(const DepthwiseTile &tile) const;
  void chooseTile();
};

/// Cycles of one tile. Multiply-adds and loads go at two per cycle; the chain
/// of products of one output, 4 cycles each, overlaps with that of the next
/// tile.
double DepthwisePlan::estimateTile(const DepthwiseTile &tile) const {
  constexpr double kLatency = 2.3, kCyclesPerLoad = 0.52, kPerOutput = 1.5,
                   kPerTile = 4.0;
  // Widening, subtracting, converting.
  constexpr double kConvert = 1.5;
  const ConvGeometry &g = geometry;
  int64_t outputs = tile.rows * tile.columns;
  int64_t columns =
      countTouched(tile.columns, g.strideX, g.kernelWidth, g.dilationX);
  int64_t rows = tile.keepWeights ? countTouched(tile.rows, g.strideY,
                                                 g.kernelHeight, g.dilationY)
                                  : tile.rows * g.kernelHeight;
  double arithmetic =
      outputs * taps() * 0.5 + (codes ? rows * columns * kConvert : 0);
  double loads =
      (rows * columns + (tile.keepWeights ? 0 : taps())) * kCyclesPerLoad;
  double cycles = std::max(arithmetic, loads) * registersPerVector;
  return std::max(cycles, kLatency * taps()) +
         outputs * registersPerVector * kPerOutput + kPerTile;
}

void DepthwisePlan::chooseTile() {
  const ConvGeometry &g = geometry;
  double best = std::numeric_limits<double>::infinity();
  auto consider = [&](const DepthwiseTile &candidate) {
    int64_t weights = candidate.keepWeights ? taps() : g.kernelWidth;
    int64_t live =
        (candidate.rows * candidate.columns + weights + 1) * registersPerVector;
    bool smallest =
        candidate.rows * candidate.columns == 1 && !candidate.keepWeights;
    if (live > available && !smallest)
      return;
    double row = (g.outputWidth / candidate.columns) * estimateTile(candidate);
    if (int64_t remainder = g.outputWidth % candidate.columns)
      row += estimateTile({candidate.rows, remainder, candidate.keepWeights});
    double cycles = row * (g.outputHeight / candidate.rows);
    if (cycles < best * 0.995) {
      best = cycles;
      tile = candidate;
    }
  };
  for (int64_t rows = 1; rows <= std::min(g.outputHeight, available); ++rows)
    for (int64_t columns = std::min(g.outputWidth, available); columns > 0;
         --columns)
      if (g.outputHeight % rows == 0 && rows * columns <= available) {
        consider({rows, columns, true});
        if (rows == 1)
          consider({rows, columns, false});
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
    k.fillBorder(y);
    const DepthwiseTile &tile = plan.tile;
    int64_t whole = g.outputWidth / tile.columns * tile.columns;
    k.forLoop(0, plan.blocks(), 1, [&](Index block) {
      Value start = loadBias(block);
      SmallVector<Value> w;
      for (int64_t tap = 0; tile.keepWeights && tap < plan.taps(); ++tap)
        w.push_back(loadWeight(block, tap));
      k.forLoop(0, g.samples, 1, [&](Index n) {
        k.forLoop(0, g.outputHeight, tile.rows, [&](Index row) {
          k.forLoop(0, whole, tile.columns, [&](Index column) {
            emitTile({block, n, row, column}, tile.columns, start, w);
          });
          if (whole < g.outputWidth)
            emitTile({block, n, row, whole}, g.outputWidth - whole, start, w);
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
      emitUnrolled(window, columns, sums, w);
    } else {
      sums =
          k.forLoop(0, g.kernelHeight, 1, sums, [&](Index kh, ValueRange in) {
            SmallVector<Value> sums(in);
            SmallVector<Value> w;
            for (int64_t kw = 0; kw < g.kernelWidth; ++kw)
              w.push_back(loadWeight(at.block, k.mul(kh, g.kernelWidth) + kw));
            Index row = k.add(window, k.mul(kh, g.dilationY * x.rowPitch()));
            emitRow(row, columns, sums, w);
            return sums;
          });
    }
    emitEpilogue(at, columns, sums);
  }

  /// All taps of all rows of the tile, each input row read once.
  void emitUnrolled(Index window, int64_t columns, MutableArrayRef<Value> sums,
                    ArrayRef<Value> w) {
    int64_t reach = (plan.tile.rows - 1) * g.strideY +
                    (g.kernelHeight - 1) * g.dilationY + 1;
    for (int64_t source = 0; source < reach; ++source) {
      k.keepLoadsInOrder();
      llvm::SmallDenseMap<int64_t, Value> pixels;
      for (int64_t kh = 0; kh < g.kernelHeight; ++kh) {
        int64_t from = source - kh * g.dilationY;
        if (from < 0 || from % g.strideY || from / g.strideY >= plan.tile.rows)
          continue;
        emitRow(window + source * x.rowPitch(), columns,
                sums.slice(from / g.strideY * columns, columns),
                w.slice(kh * g.kernelWidth, g.kernelWidth), &pixels);
      }
    }
  }

  /// The taps of one kernel row: sums[column] += input[...] * w[kw]. `pixels`
  /// remembers what has been loaded of this input row.
  void emitRow(Index row, int64_t columns, MutableArrayRef<Value> sums,
               ArrayRef<Value> w,
               llvm::SmallDenseMap<int64_t, Value> *pixels = nullptr) {
    llvm::SmallDenseMap<int64_t, Value> local;
    if (!pixels)
      pixels = &local;
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t kw = 0; kw < g.kernelWidth; ++kw) {
        int64_t source = column * g.strideX + kw * g.dilationX;
        Value &pixel = (*pixels)[source];
        if (!pixel)
          pixel = loadPixel(row + source * x.block);
        sums[column] = k.fma(pixel, w[kw], sums[column]);
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
