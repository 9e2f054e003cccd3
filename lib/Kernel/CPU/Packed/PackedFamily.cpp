//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Families of kernels that read packed codes, but for the kernels.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "lib/Kernel/CPU/Packed/Pack.h"
#include "mpq/Kernel/NamedFamily.h"

#include <limits>

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

bool StoredWeightFamily::accepts(Operation *op, const KernelTarget &target,
                                 std::string &reason) const {
  auto matmul = dyn_cast<MatmulOp>(op);
  if (!matmul) {
    reason = "implements mpq.matmul only";
    return false;
  }
  reason =
      checkStaticQuantization({{"the residual", matmul.getResidualQuantAttr()},
                               {"the result", matmul.getOutputQuantAttr()}});
  if (reason.empty())
    reason = checkInput(matmul);
  if (!reason.empty())
    return false;
  if (isPackedFor(op, name)) {
    reason = checkPacked(matmul);
    return reason.empty();
  }
  auto stored = dyn_cast<StoredTensorType>(matmul.getWeight().getType());
  if (!stored) {
    reason = "the weight is f32, not codes";
    return false;
  }
  return bool(findLayout(matmul, stored, target, onlyGains, reason));
}

KernelLayouts StoredWeightFamily::getLayouts(Operation *op,
                                             const KernelTarget &) const {
  KernelLayouts layouts;
  layouts.activations.resize(cast<MatmulOp>(op).getActivationOperands().size());
  return layouts;
}

Attribute
StoredWeightFamily::getPackedLayout(Operation *op,
                                    const KernelTarget &target) const {
  auto matmul = cast<MatmulOp>(op);
  std::string reason;
  return findLayout(matmul,
                    cast<StoredTensorType>(matmul.getWeight().getType()),
                    target, /*onlyGains=*/false, reason);
}

Attribute PackedFamily::findLayout(MatmulOp op, StoredTensorType weight,
                                   const KernelTarget &target, bool onlyGains,
                                   std::string &reason) const {
  if (reason = check(op, weight); !reason.empty())
    return {};
  PackedAttr layout = getLayout(weight, target, reason);
  if (!layout)
    return {};
  reason = checkLayout(op, PackedLayout(layout));
  if (reason.empty() && onlyGains)
    reason = checkGain(op, PackedLayout(layout));
  return reason.empty() ? layout : PackedAttr();
}

std::string PackedFamily::checkPacked(MatmulOp op) const {
  std::string reason = checkPackedAs<PackedAttr>(op);
  if (!reason.empty())
    return reason;
  return checkLayout(
      op, PackedLayout(op->getAttrOfType<PackedAttr>(kPackedLayoutAttr)));
}

int64_t PackedFamily::getPackedBytes(Operation *op,
                                     const KernelTarget &target) const {
  return PackedLayout(cast<PackedAttr>(getPackedLayout(op, target))).bytes();
}

void PackedFamily::emitPack(OpBuilder &builder, Location loc, Operation *op,
                            const KernelTarget &target,
                            const WeightReader &weight, Value packed) const {
  KernelBuilder k(builder, loc, target);
  packed::emitPack(k,
                   PackedLayout(cast<PackedAttr>(getPackedLayout(op, target))),
                   weight, packed);
}

void PackedFamily::emit(OpBuilder &builder, Location loc, Operation *op,
                        const KernelTarget &target, ValueRange operands) const {
  KernelBuilder k(builder, loc, target);
  auto layout = op->getAttrOfType<PackedAttr>(kPackedLayoutAttr);
  emitLoops(k, cast<MatmulOp>(op), PackedLayout(layout), operands);
}

std::string packed::checkCodes(MatmulOp op) {
  return op.getInputQuantAttr() ? "" : "the input is f32";
}

std::string packed::checkRowScales(MatmulOp op) {
  UniformAttr quant = op.getInputQuantAttr();
  if (!quant || !quant.isGrouped())
    return {};
  return llvm::formatv("the input has a scale for every {0} columns",
                       quant.getGroup());
}

std::string packed::checkIntegerSums(MatmulOp op, StoredTensorType weight) {
  FormatAttrInterface format = weight.getFormat();
  int64_t group = format.getIntegerGroup(weight.getK());
  if (!group)
    return {}; // it has no layout
  // The exact sum of a group, with all corrections, fits into 32 bits. What is
  // added on the way there may wrap around and come back.
  auto [low, high] = format.getLevelRange();
  int64_t largest = op.getInputQuantAttr().getMaxCode() * std::max(-low, high);
  int64_t scaled = op.getInputQuantAttr().getGroup();
  if (scaled && (scaled != group || group == weight.getK()))
    return llvm::formatv("the input has a scale for every {0} columns, the "
                         "weight one for every {1}",
                         scaled, group);
  if (group > std::numeric_limits<int32_t>::max() / largest)
    return llvm::formatv("sums of {0} products of u8 and {1} overflow 32 bits",
                         group, format.getSpelling());
  return {};
}

std::string packed::checkNearness(const PackedLayout &layout) {
  constexpr int64_t kNearBytes = 32 * 1024;
  int64_t weights = layout.rows * layout.k;
  if (weights > kNearBytes)
    return {};
  return llvm::formatv("{0} weights are no more than {1}, and fit the "
                       "first-level cache as bytes",
                       weights, kNearBytes);
}
