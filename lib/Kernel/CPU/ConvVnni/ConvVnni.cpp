//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Convolution of u8 activations with integer weights of up to 8 bits, with
// AVX-512 VNNI. Weights of every width become s8 when they are
// packed, at load.
//
//   activations   u8, blocks of 16 channels (of 4 where there are no more), the
//                 border holds the zero point; or f32, quantized in the kernel
//   weight        see Plan.h
//   result        u8 or f32, blocks of 16
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ConvVnni/Loops.h"
#include "mpq/Kernel/NamedFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::vnni;

namespace {

class ConvVnni final : public KernelFamily {
public:
  StringRef getName() const override { return "conv_vnni"; }
  int getPriority() const override { return 300; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto conv = dyn_cast<ConvOp>(op);
    reason = conv ? check(conv, target) : "implements mpq.conv only";
    if (reason.empty() && !isPackedFor(op, getName()))
      reason = checkFormat(conv);
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    auto conv = cast<ConvOp>(op);
    ConvPlan plan(conv);
    KernelLayouts layouts;
    layouts.activations.push_back(plan.getInputLayout(op->getContext()));
    layouts.result = plan.geometry.getResultLayout(op->getContext(), kRows);
    if (conv.getResidual())
      layouts.activations.push_back(layouts.result);
    return layouts;
  }

  int64_t getPackedBytes(Operation *op, const KernelTarget &) const override {
    return ConvPlan(cast<ConvOp>(op)).packedBytes();
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override;

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    ConvLoops(k, cast<ConvOp>(op), operands).emit();
  }

private:
  static std::string check(ConvOp op, const KernelTarget &target);
  /// What is to be said about a weight that is not packed yet.
  static std::string checkFormat(ConvOp op);
};

} // namespace

std::string ConvVnni::check(ConvOp op, const KernelTarget &target) {
  std::string reason = checkTarget(target);
  if (reason.empty())
    reason =
        checkQuantization(op.getInputQuantAttr(), op.getResidualQuantAttr(),
                          op.getOutputQuantAttr());
  if (!reason.empty())
    return reason;
  int64_t scratch = ConvPlan(op).scratchBytes;
  if (op.getInputQuant()->isDynamic() && scratch > kMaxScratchBytes)
    return llvm::formatv("quantizing the rows that a tile reads takes {0} bytes "
                         "of stack, more than {1}",
                         scratch, kMaxScratchBytes);
  return {};
}

std::string ConvVnni::checkFormat(ConvOp op) {
  ArrayRef<int64_t> shape = op.getWeightShape();
  int64_t depth = shape[1] * shape[2] * shape[3];
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

/// The s8 vectors in the order of use.
static void emitWeights(KernelBuilder &k, const ConvPlan &plan,
                        ArrayRef<int64_t> shape, const WeightReader &weight,
                        Value packed) {
  const ConvGeometry &g = plan.geometry;
  ChannelWindows windows = plan.getWindows();
  auto emitBlock = [&](Index group, Index block, int64_t steps) {
    Index base =
        k.add(k.mul(group, plan.groupBytes()),
              k.mul(block, plan.steps() * g.kernelHeight * plan.stepBytes()));
    k.forEach(
        {g.kernelHeight, steps, g.kernelWidth, plan.blocks, kRows, kColumns},
        [&](ArrayRef<Index> i) {
          Index to = k.linear(i, {g.kernelHeight, steps, g.kernelWidth,
                                  plan.blocks, kRows, kColumns});
          Value valid;
          Index row =
              k.add(k.mul(k.add(k.mul(group, plan.blocks), i[3]), kRows), i[4]);
          row =
              k.limit(row, plan.outputBlocks * kRows, g.outputChannels, valid);
          Index channel =
              k.add(k.mul(k.add(windows.getStart(k, group), block),
                          plan.inputBlock),
                    k.add(k.mul(i[1], kColumns), i[5]));
          channel = k.limit(channel, plan.inputBlocks * plan.inputBlock,
                            g.inputChannels, valid);
          channel = windows.getChannel(k, row, channel, valid);
          Index column = k.linear({channel, i[0], i[2]}, shape.drop_front());
          k.store(emitLevel(k, weight, shape, row, column, valid), packed,
                  k.add(base, to));
        });
  };
  bool partial = plan.lastSteps() != plan.steps();
  k.forLoop(0, plan.groups(), 1, [&](Index group) {
    k.forLoop(0, plan.windowBlocks - partial, 1,
              [&](Index block) { emitBlock(group, block, plan.steps()); });
    if (partial)
      emitBlock(group, plan.windowBlocks - 1, plan.lastSteps());
  });
}

void ConvVnni::emitPack(OpBuilder &builder, Location loc, Operation *op,
                        const KernelTarget &target, const WeightReader &weight,
                        Value packed) const {
  auto conv = cast<ConvOp>(op);
  KernelBuilder k(builder, loc, target);
  ConvPlan plan(conv);
  ArrayRef<int64_t> shape = conv.getWeightShape();
  emitWeights(k, plan, shape, weight, packed);
  int64_t rows = plan.outputBlocks * kRows;
  emitRowFactors(k, shape, weight,
                 k.view(packed, k.b.getF32Type(), plan.scalesOffset(), rows),
                 k.view(packed, k.b.getI32Type(), plan.sumsOffset(), rows));
}

namespace mpq {
void registerKernelFamilyConvVnni(DialectRegistry &) {
  Registry<KernelFamily>::get().add("conv_vnni", std::make_unique<ConvVnni>());
}
} // namespace mpq
