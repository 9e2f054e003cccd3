//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of u8 rows with integer weights of 1 to 8 bits that stay packed
// in memory: as many bytes are read for each weight as its format has bits. Rows
// that arrive as f32 are quantized here, each with its own scale.
//
// Weights are the unsigned operand of the dot product and activations the signed
// one (SignedRows.h says what becomes of the zero points), so codes need nothing
// but a mask (Tile.h). The layout is PackedLayout.h; docs/Rationale/Packed.md has
// the reasons and the measurements.
//
// Two families with the same kernels: one is asked before matmul_vnni and takes
// what is faster packed, the other is asked behind it and takes anything.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Loops.h"
#include "lib/Kernel/CPU/MatmulPacked/Pack.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

namespace {

class MatmulPacked : public KernelFamily {
public:
  StringRef getName() const override { return "matmul_packed"; }
  int getPriority() const override { return 290; }

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
    Tuning tuning = getTuning(target, layout.bits);
    KernelBuilder k(builder, loc, target);
    PackedLoops(k, cast<MatmulOp>(op), layout, tuning, operands).emit();
  }

private:
  static std::string check(MatmulOp op);

protected:
  /// Of an accepted op on tensors.
  static PackedAttr getLayout(Operation *op) {
    std::string reason;
    return PackedLayout::get(
        cast<StoredTensorType>(cast<MatmulOp>(op).getWeight().getType()),
        reason);
  }
};

/// The same kernels, asked before matmul_vnni: for what gains by them.
class MatmulPackedLarge final : public MatmulPacked {
public:
  StringRef getName() const override { return "matmul_packed_large"; }
  int getPriority() const override { return 310; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (!MatmulPacked::accepts(op, target, reason))
      return false;
    reason = checkGain(PackedLayout(getLayout(op)));
    return reason.empty();
  }

private:
  static std::string checkGain(const PackedLayout &layout);
};

} // namespace

std::string MatmulPacked::check(MatmulOp op) {
  if (!op.getInputQuantAttr())
    return "the input is f32";
  std::string reason = checkStaticQuantization(
      {{"the residual", op.getResidualQuantAttr()},
       {"the result", op.getOutputQuantAttr()}});
  if (!reason.empty())
    return reason;
  auto stored = dyn_cast<StoredTensorType>(op.getWeight().getType());
  if (!stored)
    return "the weight is f32, not integer levels";
  if (!PackedLayout::get(stored, reason))
    return reason;
  // The exact sum of a group, with all corrections, fits into 32 bits. What is
  // added on the way there may wrap around and come back.
  FormatAttrInterface format = stored.getFormat();
  auto [low, high] = format.getLevelRange();
  int64_t largest = 255 * std::max(-low, high);
  int64_t group = format.getIntegerGroup(stored.getK());
  if (group > std::numeric_limits<int32_t>::max() / largest)
    return llvm::formatv("sums of {0} products of u8 and {1} overflow 32 bits",
                         group, format.getSpelling());
  return {};
}

/// matmul_vnni decodes a weight once, at load, to one byte for each code. Where
/// that costs no memory, or so little that it stays in the first-level cache,
/// masks are all that packed codes add (docs/Rationale/Packed.md).
std::string MatmulPackedLarge::checkGain(const PackedLayout &layout) {
  constexpr int64_t kNearBytes = 32 * 1024;
  int64_t weights = layout.rows * layout.k;
  if (weights <= kNearBytes)
    return llvm::formatv("{0} weights are no more than {1}, and fit the "
                         "first-level cache as bytes",
                         weights, kNearBytes);
  if (layout.bits == 8 && !layout.isGrouped())
    return "8-bit codes with a scale for each row are bytes already";
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulPacked(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_packed",
                                    std::make_unique<MatmulPacked>());
  Registry<KernelFamily>::get().add("matmul_packed_large",
                                    std::make_unique<MatmulPackedLarge>());
}
} // namespace mpq
