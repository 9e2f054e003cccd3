//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f32 rows, or of what becomes f32, with codes that index
// tables of their row, or of a group of its columns: levels are looked up in
// registers (Lookup.h), products and sums are those of f32 (Loops.h). The
// layout is LutLayout.h; docs/Rationale/Lookup.md has the reasons and the
// measurements.
//
// Also with learned tables of 64 levels and more for a tensor, with scales,
// where bytes can be looked up. Shorter ones serve 16 rows at a time
// (matmul_packed_f32).
//
// Two families with the same kernels: one is asked before matmul_f32, and takes
// what is faster packed, the other, which is asked behind it, takes anything.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLut/Loops.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"
#include "dialects/MPQ/Formats/Lut/Lut.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lut;

namespace {

class MatmulLut final : public packed::StoredWeightFamily {
public:
  using StoredWeightFamily::StoredWeightFamily;

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    return llvm::alignTo(
        LutLayout(cast<PackedLutAttr>(getPackedLayout(op, target))).bytes(),
        LutLayout::kLine);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    KernelBuilder k(builder, loc, target);
    LutLayout layout(cast<PackedLutAttr>(getPackedLayout(op, target)));
    lut::emitPack(k, layout, weight, packed);
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    LutLayout layout(op->getAttrOfType<PackedLutAttr>(kPackedLayoutAttr));
    LutLoops(k, cast<MatmulOp>(op), layout, operands).emit();
  }

private:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkRowScales(op);
  }
  std::string checkPacked(MatmulOp op) const override {
    return packed::checkPackedAs<PackedLutAttr>(op);
  }
  Attribute findLayout(MatmulOp op, StoredTensorType weight,
                       const KernelTarget &target, bool onlyGains,
                       std::string &reason) const override;
};

} // namespace

/// The layout of `weight`, or null and the reason.
static PackedLutAttr getLayout(StoredTensorType weight,
                               const KernelTarget &target,
                               std::string &reason) {
  int64_t rows = weight.getRows(), k = weight.getK();
  auto make = [&](const GroupedPayload &parts, unsigned valueBits,
                  bool shared) {
    int64_t group = parts.getGroupLength(k);
    bool planes = parts.bits > 4 && Lookup::hasPlanes(target);
    return PackedLutAttr::get(weight.getContext(), rows, k, parts.bits,
                              group < k ? group : 0, valueBits, shared, planes);
  };
  Attribute format = weight.getFormat();
  if (auto lut = dyn_cast<LutFormatAttr>(format))
    return make(lut.getParts(), lut.getHalfValues() ? 16 : 32,
                lut.getGroup() < 0);
  auto codebook = dyn_cast<CodebookFormatAttr>(format);
  if (!codebook || !codebook.isLearned()) {
    reason = FormatAttrInterface(weight.getFormat()).getSpelling() +
             " has no learned tables";
    return {};
  }
  constexpr unsigned kLeastBits = 6;
  GroupedPayload parts = codebook.getParts();
  if (parts.bits < kLeastBits || !Lookup::hasPlanes(target)) {
    reason =
        parts.bits < kLeastBits
            ? llvm::formatv("a table of {0} levels for the tensor serves 16 "
                            "rows at a time",
                            1 << parts.bits)
                  .str()
            : "there is no look-up of bytes in a table of 128, as in "
              "AVX-512 VBMI";
    return {};
  }
  if (parts.getGroupLength(k) < std::min(k, LutLayout::kLine)) {
    reason = llvm::formatv("groups of {0} columns share a line of {1}",
                           parts.getGroupLength(k), LutLayout::kLine);
    return {};
  }
  return make(parts, 32, /*shared=*/true);
}

Attribute MatmulLut::findLayout(MatmulOp op, StoredTensorType weight,
                                const KernelTarget &target, bool onlyGains,
                                std::string &reason) const {
  // matmul_f32 has four bytes for each code.
  constexpr int64_t kNearBytes = 1024 * 1024;
  int64_t bytes = weight.getRows() * weight.getK() * 4;
  if (onlyGains && bytes < kNearBytes) {
    reason = llvm::formatv("{0} bytes of f32 weights are fewer than {1}, and "
                           "fit the second-level cache",
                           bytes, kNearBytes);
    return {};
  }
  return getLayout(weight, target, reason);
}

namespace mpq {
void registerKernelFamilyMatmulLut(DialectRegistry &) {
  packed::registerPackedFamily<MatmulLut>("matmul_lut", 92, "matmul_lut_large",
                                          112);
}
} // namespace mpq
