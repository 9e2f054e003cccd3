//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Convolution by Winograd's minimal filtering, in f32; Plan.h explains it.
//
//   input    f32, blocks of a vector
//   result   f32, or u8 codes; so is the residual
//
// The transforms add and cancel: the result differs from the exact one by six
// times as much as that of the direct kernel (`estimateError`). So the family
// takes an op only where the module tolerates that (`mpq.float_tolerance`).
//
//===----------------------------------------------------------------------===//

#include "Loops.h"
#include "Transform.h"

#include "mpq/Kernel/FloatTolerance.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mpq;
using namespace mpq::winograd;

namespace {

/// The largest error, of the largest result: it grows as the rounding errors of
/// a sum do. Measured: 1.7e-6, 2.5e-6, 5.3e-6, 1.3e-5, 1.7e-5 for 8, 16, 64, 256
/// and 512 channels (docs/Rationale/Convolution.md).
double estimateError(int64_t channels) {
  return 1e-6 * std::sqrt(double(channels));
}

/// Where it has more multiplications than this for one of the direct kernel, the
/// transforms take more than it saves.
constexpr double kMaxRelativeWork = 0.55;
/// With fewer input channels the transforms take more than the products.
constexpr int64_t kMinChannels = 8;
/// Transformed weights that the last-level cache should hold beside others:
/// they are read again for each group of tiles.
constexpr int64_t kMaxWeightBytes = 16 * 1024 * 1024;

double getTolerance(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto tolerance =
      module ? module->getAttrOfType<FloatAttr>(kFloatToleranceAttr)
             : FloatAttr();
  return tolerance ? tolerance.getValueAsDouble() : 0.0;
}

std::string checkGeometry(ConvOp op) {
  ConvGeometry g(op);
  auto pair = [](int64_t y, int64_t x) {
    return llvm::formatv("{0} x {1}", y, x).str();
  };
  if (op.getGroups() != 1)
    return llvm::formatv("groups is {0}, not 1", op.getGroups());
  if (g.kernelHeight != 3 || g.kernelWidth != 3)
    return "the kernel is " + pair(g.kernelHeight, g.kernelWidth) +
           ", not 3 x 3";
  if (g.strideY != 1 || g.strideX != 1)
    return "the stride is " + pair(g.strideY, g.strideX) + ", not 1 x 1";
  if (g.dilationY != 1 || g.dilationX != 1)
    return "the dilation is " + pair(g.dilationY, g.dilationX) + ", not 1 x 1";
  if (g.outputHeight < kTile || g.outputWidth < kTile)
    return "the result is " + pair(g.outputHeight, g.outputWidth) +
           ", smaller than a tile of 4 x 4";
  if (g.inputChannels < kMinChannels)
    return llvm::formatv("there are {0} input channels, fewer than {1}",
                         g.inputChannels, kMinChannels);
  return {};
}

std::string check(ConvOp op, const KernelTarget &target) {
  if (op.getInputQuantAttr())
    return "the input is u8, not f32";
  std::string reason = checkGeometry(op);
  if (reason.empty())
    reason = checkStaticQuantization(
        {{"the residual", op.getResidualQuantAttr()},
         {"the result", op.getOutputQuantAttr()}});
  if (!reason.empty())
    return reason;
  double tolerance = getTolerance(op);
  double error = estimateError(op.getInputShape()[1]);
  if (tolerance < error)
    return llvm::formatv("its relative error of {0:e0} is more than the "
                         "tolerance of {1:e0}",
                         error, tolerance);
  WinogradPlan plan(op, target);
  if (plan.relativeWork() > kMaxRelativeWork)
    return llvm::formatv("tiles of 4 x 4 cover {0} x {1} results badly: {2:P0} "
                         "of the multiplications are left",
                         plan.geometry.outputHeight, plan.geometry.outputWidth,
                         plan.relativeWork());
  if (int64_t bytes = plan.floats() * 4; bytes > kMaxWeightBytes)
    return llvm::formatv("its weights take {0} bytes, more than {1}: reading "
                         "them takes longer than multiplying",
                         bytes, kMaxWeightBytes);
  if (plan.tilesAtOnce == 0)
    return llvm::formatv("the transform of {0} channels takes more than {1} "
                         "bytes of stack",
                         plan.geometry.inputChannels, kMaxScratchBytes);
  return {};
}

class Winograd final : public KernelFamily {
public:
  StringRef getName() const override { return "winograd"; }
  int getPriority() const override { return 120; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto conv = dyn_cast<ConvOp>(op);
    reason = conv ? check(conv, target) : "implements mpq.conv only";
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    auto conv = cast<ConvOp>(op);
    ConvGeometry g(conv);
    KernelLayouts layouts;
    layouts.activations = {g.getInputLayout(
        op->getContext(), WinogradPlan::getInputBlock(conv, target))};
    layouts.result = g.getResultLayout(
        op->getContext(), WinogradPlan::getResultBlock(conv, target));
    if (conv.getResidual())
      layouts.activations.push_back(layouts.result);
    return layouts;
  }

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    return llvm::alignTo(
        WinogradPlan(cast<ConvOp>(op), target).floats() * sizeof(float), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override;

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto conv = cast<ConvOp>(op);
    WinogradLoops(builder, loc, conv, target, ConvOp::Adaptor(operands, conv))
        .emit();
  }
};

} // namespace

void Winograd::emitPack(OpBuilder &builder, Location loc, Operation *op,
                        const KernelTarget &target, const WeightReader &weight,
                        Value packed) const {
  WinogradPlan plan(cast<ConvOp>(op), target);
  const ConvGeometry &g = plan.geometry;
  KernelBuilder k(builder, loc, target);
  int64_t bytes = getPackedBytes(op, target);
  Value to = k.view(packed, k.b.getF32Type(), 0, bytes / sizeof(float));
  k.fill(to, plan.floats(), bytes / sizeof(float) - plan.floats(), k.f32(0.0));
  int64_t rows = plan.outputBlocks() * plan.block;
  k.forEach({rows, g.inputChannels}, [&](ArrayRef<Index> at) {
    Value valid;
    Index row = k.limit(at[0], rows, g.outputChannels, valid);
    SmallVector<Value> w;
    for (int64_t tap = 0; tap < 9; ++tap)
      w.push_back(k.readWeight(weight, row, k.mul(at[1], 9) + tap, valid));
    // [group][position][channel][block][lane]
    Index group = k.floorDiv(at[0], plan.channelFloats());
    Index lane = k.mod(at[0], plan.channelFloats());
    Index first = k.add(k.add(k.mul(group, plan.groupFloats()),
                              k.mul(at[1], plan.channelFloats())),
                        lane);
    for (auto [position, value] : llvm::enumerate(emitWeightTransform(k, w)))
      k.store(value, to, first + position * plan.transformFloats());
  });
}

namespace mpq {
void registerKernelFamilyWinograd(DialectRegistry &) {
  Registry<KernelFamily>::get().add("winograd", std::make_unique<Winograd>());
}
} // namespace mpq
