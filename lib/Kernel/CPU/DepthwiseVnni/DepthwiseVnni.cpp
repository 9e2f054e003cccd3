//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Depthwise convolution of u8 codes with s8 weights by vpdpbusd, exact up to
// the epilogue (Tile.h).
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/DepthwiseVnni/Tile.h"

#include "mpq/Kernel/NamedFamily.h"
#include "mpq/Kernel/ParallelRows.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::depthwise_vnni;
using namespace mpq::vnni;

namespace {

class Loops {
public:
  Loops(KernelBuilder &k, ConvOp op, ValueRange operands)
      : k(k), g(op), blocks(Plan(op).blocks),
        tile(k, op, ConvOp::Adaptor(operands, op)) {}

  void emit() {
    int64_t whole = g.outputHeight / kPixels * kPixels;
    int64_t rest = g.outputHeight - whole;
    int64_t rowTiles = llvm::divideCeil(g.outputHeight, kPixels);
    fillSharedBorder(k, tile.result(), rowTiles);
    forChannelGroups(k, blocks, rowTiles, [&](Index block) {
      tile.startBlock(block);
      k.forLoop(0, g.samples, 1, [&](Index n) {
        k.parallelFor(0, whole, kPixels,
                      [&](Index row) { emitRows(n, row, kPixels); });
        if (rest)
          k.parallelOnce([&] { emitRows(n, whole, rest); },
                         whole ? KernelBuilder::Units::Joined
                               : KernelBuilder::Units::Own);
      });
    });
  }

private:
  /// Up to four rows: wide tiles, and what is left of each row.
  void emitRows(Index n, Index row, int64_t count) {
    int64_t whole = g.outputWidth / kPixels * kPixels;
    int64_t rest = g.outputWidth - whole;
    k.forLoop(0, whole, kPixels,
              [&](Index column) { emitWide(n, row, column, count, kPixels); });
    if (rest && rest <= kPixels / 2 && count > 1) {
      // The last row stands for those that do not exist.
      Pixels tall{{}, {0, 0, 0, 0}, count};
      for (int64_t i = 0; i < kPixels; ++i)
        tall.rows[i] = std::min(i, count - 1);
      for (int64_t i = 0; i < rest; ++i)
        tile.emit(n, row, whole + i, tall, /*height=*/1);
    } else if (rest && whole) {
      // What is computed twice is the same twice.
      emitWide(n, row, g.outputWidth - kPixels, count, kPixels);
    } else if (rest) {
      emitWide(n, row, 0, count, rest);
    }
  }

  void emitWide(Index n, Index row, Index column, int64_t count,
                int64_t valid) {
    Pixels wide{{0, 0, 0, 0}, {}, valid};
    for (int64_t i = 0; i < kPixels; ++i)
      wide.columns[i] = std::min(i, valid - 1);
    for (int64_t i = 0; i < count; i += kTileRows)
      tile.emit(n, row + i, column, wide, std::min(kTileRows, count - i));
  }

  KernelBuilder &k;
  ConvGeometry g;
  int64_t blocks;
  Tile tile;
};

class DepthwiseVnni final : public KernelFamily {
public:
  StringRef getName() const override { return "depthwise_vnni"; }
  int getPriority() const override { return 310; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto conv = dyn_cast<ConvOp>(op);
    reason = conv ? check(conv, target) : "implements mpq.conv only";
    if (reason.empty() && !isPackedFor(op, getName()))
      reason = checkFormat(conv);
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    ConvGeometry g(cast<ConvOp>(op));
    KernelLayouts layouts;
    layouts.activations = {g.getInputLayout(op->getContext(), kRows)};
    layouts.result = g.getResultLayout(op->getContext(), kRows);
    return layouts;
  }

  int64_t getPackedBytes(Operation *op, const KernelTarget &) const override {
    return llvm::alignTo(Plan(cast<ConvOp>(op)).packedBytes(), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override;

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    Loops(k, cast<ConvOp>(op), operands).emit();
  }

private:
  static std::string check(ConvOp op, const KernelTarget &target);
  /// What is to be said about a weight that is not packed yet.
  static std::string checkFormat(ConvOp op);
};

} // namespace

std::string DepthwiseVnni::check(ConvOp op, const KernelTarget &target) {
  if (!op.isDepthwise())
    return "the convolution is not depthwise";
  std::string reason = checkTarget(target);
  if (reason.empty())
    reason = checkQuantization(op.getInputQuantAttr(), UniformAttr(),
                               op.getOutputQuantAttr());
  if (!reason.empty())
    return reason;
  if (op.getInputQuant()->isDynamic())
    return "the input is quantized dynamically";
  if (!op.getOutputQuant())
    return "the result is f32";
  if (op.getResidual())
    return "a residual is added";
  return {};
}

std::string DepthwiseVnni::checkFormat(ConvOp op) {
  ArrayRef<int64_t> shape = op.getWeightShape();
  int64_t depth = shape[2] * shape[3];
  std::string reason = checkWeight(op.getWeight().getType(), depth);
  if (!reason.empty())
    return reason;
  FormatAttrInterface format =
      cast<StoredTensorType>(op.getWeight().getType()).getFormat();
  if (int64_t group = format.getIntegerGroup(depth); group != depth)
    return llvm::formatv(
        "{0} has a scale for every {1} of {2} weights of a row",
        format.getSpelling(), group, depth);
  return {};
}

void DepthwiseVnni::emitPack(OpBuilder &builder, Location loc, Operation *op,
                             const KernelTarget &target,
                             const WeightReader &weight, Value packed) const {
  auto conv = cast<ConvOp>(op);
  KernelBuilder k(builder, loc, target);
  Plan plan(conv);
  const ConvGeometry &g = plan.geometry;
  ArrayRef<int64_t> shape = conv.getWeightShape();
  int64_t sizes[] = {plan.blocks, g.kernelHeight, plan.groups, kSteps,
                     kPixels,     kRows / kSteps, kTaps};
  k.forEach(sizes, [&](ArrayRef<Index> i) {
    Value valid;
    Index channel = k.linear({i[0], i[3], i[5]},
                             {plan.blocks, kSteps, kRows / kSteps});
    channel = k.limit(channel, plan.rows(), g.outputChannels, valid);
    Index column = k.add(k.mul(i[2], kTaps), i[6]);
    column = k.limit(column, plan.groups * kTaps, g.kernelWidth, valid);
    Index tap = k.add(k.mul(i[1], g.kernelWidth), column);
    k.store(emitLevel(k, weight, shape, channel, tap, valid), packed,
            k.linear(i, sizes));
  });
  int64_t end = plan.weightBytes();
  k.fill(packed, plan.packedBytes(),
         getPackedBytes(op, target) - plan.packedBytes(), k.integer(8, 0));
  emitRowFactors(k, shape, weight,
                 k.view(packed, k.b.getF32Type(), end, plan.rows()),
                 k.view(packed, k.b.getI32Type(), end + 4 * plan.rows(),
                        plan.rows()));
}

namespace mpq {
void registerKernelFamilyDepthwiseVnni(DialectRegistry &) {
  Registry<KernelFamily>::get().add("depthwise_vnni",
                                    std::make_unique<DepthwiseVnni>());
}
} // namespace mpq
