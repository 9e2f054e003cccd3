//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f32 rows with weights of 1 to 8 bits that stay packed in
// memory, integer levels or tables: codes become floats in registers (Decode.h),
// products and sums are those of f32 (Loops.h). The layout is PackedLayout.h;
// docs/Rationale/Packed.md has the reasons and the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Pack.h"
#include "lib/Kernel/CPU/MatmulPackedF32/Loops.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

namespace {

class MatmulPackedF32 final : public KernelFamily {
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
    Tuning tuning = getTuning(target);
    KernelBuilder k(builder, loc, target);
    FloatLoops(k, cast<MatmulOp>(op), layout, tuning, operands).emit();
  }

private:
  static std::string check(MatmulOp op);
  /// Of an accepted op on tensors.
  static PackedAttr getLayout(Operation *op) {
    std::string reason;
    return PackedLayout::getForFloats(
        cast<StoredTensorType>(cast<MatmulOp>(op).getWeight().getType()),
        reason);
  }
};

} // namespace

std::string MatmulPackedF32::check(MatmulOp op) {
  if (op.getInputQuantAttr())
    return "the input is u8, not f32";
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

namespace mpq {
void registerKernelFamilyMatmulPackedF32(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_packed_f32",
                                    std::make_unique<MatmulPackedF32>());
}
} // namespace mpq
