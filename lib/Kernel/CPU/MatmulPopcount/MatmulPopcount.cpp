//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of rows and integer weights of so few bits that counting the
// ones in bit planes of both is faster than multiplying: 512 columns of one bit
// each take an AND, a count and an addition, 64 columns of up to 8 bits a dot
// product. Any widths of 1 to 8 bits give what matmul_packed gives, to the bit:
// integer sums are exact, and everything else is the same code (Loops.h).
//
// Two families with the same kernels: one is asked first and takes what is
// faster, the other takes anything and is there to be asked for by name. What is
// faster depends on the number of rows of activations, too: the weight is packed for
// one kernel, whose number of rows is known, or guessed (Tuning.h).
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Loops.h"
#include "lib/Kernel/CPU/MatmulPopcount/PlaneTile.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"
#include "mpq/Kernel/NamedFamily.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::popcount;

/// Where it is asked for what is faster.
static constexpr int kNarrowPriority = 320;

/// Whether a family that is asked later would take less time than multiplying: those
/// that look sums up.
static bool isLookedUp(MatmulOp op, const KernelTarget &target) {
  return llvm::any_of(getKernelFamilies(), [&](KernelFamily *family) {
    int priority = family->getPriority();
    return priority > packed::kMultiplyPriority && priority < kNarrowPriority &&
           getObstacle(*family, op, target).empty();
  });
}

namespace {

class MatmulPopcount final : public packed::PackedFamily {
public:
  using PackedFamily::PackedFamily;

private:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkCodes(op);
  }
  std::string check(MatmulOp op, StoredTensorType weight) const override {
    return packed::checkIntegerSums(op, weight);
  }

  std::string checkGain(MatmulOp op,
                        const PackedLayout &layout) const override {
    if (std::string reason = packed::checkNearness(layout); !reason.empty())
      return reason;
    KernelTarget target = KernelTarget::get(op);
    int64_t rows = cast<ShapedType>(op.getInput().getType()).getDimSize(0);
    return popcount::checkGain(
        target, layout, op.getInputQuantAttr().getBits(),
        ShapedType::isDynamic(rows) ? std::nullopt : std::optional(rows),
        isLookedUp(op, target));
  }

  PackedAttr getLayout(StoredTensorType weight, const KernelTarget &,
                       std::string &reason) const override {
    return PackedLayout::getPlanes(weight, reason);
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
                 ValueRange operands) const override {
    UniformAttr quant = op.getInputQuantAttr();
    Tuning tuning = getTuning(k.target, layout.bits, quant.getBits());
    int64_t rowsAtOnce = packed::PanelLoops::getBlockHeight(
        k.rows(operands[0]),
        PlaneRows::getRowsIn(layout, quant.getBits(), tuning.activationBytes),
        tuning.tiles.back().rows);
    packed::SignedRows codes(k, layout, k.activation(operands[0], {}, quant),
                             rowsAtOnce, /*sumShift=*/0, /*keepsCodes=*/false);
    PlaneRows planes(k, layout, quant.getBits(), rowsAtOnce, codes);
    PlaneTile tiles(k, layout, tuning, operands[1], codes, planes);
    packed::PackedLoops(k, op, layout, tuning.tiles, rowsAtOnce, tiles, codes,
                        operands)
        .emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyMatmulPopcount(DialectRegistry &) {
  packed::registerPackedFamily<MatmulPopcount>(
      "matmul_popcount", 280, "matmul_popcount_narrow", kNarrowPriority);
}
} // namespace mpq
