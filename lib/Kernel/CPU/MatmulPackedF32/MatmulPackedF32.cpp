//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f32 rows, or of what becomes f32, with weights of 1 to 8 bits
// that stay packed in memory, integer levels or tables: codes become floats in registers (Decode.h),
// products and sums are those of f32 (Loops.h). The layout is PackedLayout.h;
// docs/Rationale/PackedF32.md has the reasons and the measurements.
//
// Two families with the same kernels: one is asked before matmul_f32 and takes
// what is faster packed, the other, which is asked behind it, takes anything.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Pack.h"
#include "lib/Kernel/CPU/MatmulPackedF32/Loops.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

namespace {

class MatmulPackedF32 : public KernelFamily {
public:
  StringRef getName() const override { return "matmul_packed_f32"; }
  int getPriority() const override { return 90; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto matmul = dyn_cast<MatmulOp>(op);
    reason = matmul ? check(matmul) : "implements mpq.matmul only";
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        cast<MatmulOp>(op).getActivationOperands().size());
    return layouts;
  }

  Attribute getPackedLayout(Operation *op,
                            const KernelTarget &) const override {
    return getLayout(op);
  }

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    return PackedLayout(getLayout(op)).bytes();
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    KernelBuilder k(builder, loc, target);
    packed::emitPack(k, PackedLayout(getLayout(op)), weight, packed);
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto attr = op->getAttrOfType<PackedAttr>(kPackedLayoutAttr);
    if (!attr) {
      op->emitOpError("lacks the attribute '")
          << kPackedLayoutAttr << "', which mpq-pack-weights gives it";
      return;
    }
    PackedLayout layout(attr);
    Tuning tuning = getTuning(target, layout);
    KernelBuilder k(builder, loc, target);
    FloatLoops(k, cast<MatmulOp>(op), layout, tuning, operands).emit();
  }

private:
  static std::string check(MatmulOp op);

protected:
  /// Of an accepted op on tensors.
  static PackedAttr getLayout(Operation *op) {
    std::string reason;
    return PackedLayout::getForFloats(
        cast<StoredTensorType>(cast<MatmulOp>(op).getWeight().getType()),
        reason);
  }
};

/// The same kernels, asked before matmul_f32: for what gains by them.
class MatmulPackedF32Large final : public MatmulPackedF32 {
public:
  StringRef getName() const override { return "matmul_packed_f32_large"; }
  int getPriority() const override { return 110; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (!MatmulPackedF32::accepts(op, target, reason))
      return false;
    reason = checkGain(PackedLayout(getLayout(op)));
    return reason.empty();
  }

private:
  static std::string checkGain(const PackedLayout &layout);
};

} // namespace

std::string MatmulPackedF32::check(MatmulOp op) {
  std::string reason = checkStaticQuantization(
      {{"the residual", op.getResidualQuantAttr()},
       {"the result", op.getOutputQuantAttr()}});
  if (!reason.empty())
    return reason;
  auto stored = dyn_cast<StoredTensorType>(op.getWeight().getType());
  if (!stored)
    return "the weight is f32, not codes";
  PackedLayout::getForFloats(stored, reason);
  return reason;
}

/// matmul_f32 decodes a weight once, at load, to four bytes for each code. Where
/// those stay in the cache nothing is gained by decoding again and again
/// (docs/Rationale/PackedF32.md).
std::string MatmulPackedF32Large::checkGain(const PackedLayout &layout) {
  constexpr int64_t kNearBytes = 1024 * 1024;
  int64_t bytes = layout.rows * layout.k * 4;
  if (bytes < kNearBytes)
    return llvm::formatv("{0} bytes of f32 weights are fewer than {1}, and fit "
                         "the second-level cache",
                         bytes, kNearBytes);
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulPackedF32(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_packed_f32",
                                    std::make_unique<MatmulPackedF32>());
  Registry<KernelFamily>::get().add("matmul_packed_f32_large",
                                    std::make_unique<MatmulPackedF32Large>());
}
} // namespace mpq
