//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of rows with ternary weights of 1.6 bits, five of them in a byte, by
// tables of sums of five activations: of bytes, exact, for quantized rows
// (ByteSums.h), of floats otherwise (FloatSums.h). Digits are never taken apart: that
// takes more instructions than a product of 2-bit codes, and five lookups in the place
// of one.
//
// The layout is ../ByteLookup/ByteLayout.h; docs/Rationale/Lookup.md has the reasons and the
// measurements. Without vpermi2b, and for `ternary2`, which says 2 bits, levels are
// multiplied as codes of 2 bits (matmul_packed).
//
// Two families each with the same kernels: one is asked before all others that
// multiply stored weights and takes what gains, the other, which is asked last, takes
// any.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteFamily.h"
#include "lib/Kernel/CPU/ByteLookup/Loops.h"
#include "lib/Kernel/CPU/MatmulTernary/ByteSums.h"
#include "lib/Kernel/CPU/MatmulTernary/FloatSums.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;
using namespace mpq::ternary;

namespace {

class MatmulTernary : public ByteFamily {
public:
  using ByteFamily::ByteFamily;

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (target.avx512vbmi && target.avx512bw && target.vectorBits >= 512)
      return ByteFamily::accepts(op, target, reason);
    reason =
        "there is no look-up of bytes in a table of 128, as in AVX-512 VBMI";
    return false;
  }

protected:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkCodes(op);
  }
  /// Why sums of its products are not exact; empty: they are.
  virtual std::string checkSums(MatmulOp op, StoredTensorType weight) const {
    return packed::checkIntegerSums(op, weight);
  }
  void emitLoops(KernelBuilder &k, MatmulOp op, const ByteLayout &layout,
                 const PackedLayout &plain, int64_t rowsAtOnce,
                 ValueRange operands) const override {
    UniformAttr quant = op.getInputQuantAttr();
    packed::SignedRows rows(k, plain, k.activation(operands[0], {}, quant),
                            rowsAtOnce, /*sumShift=*/0);
    ByteSums sums(k, layout, operands[1], plain, rows, quant.getBits());
    ByteLoops(k, op, layout, plain, rowsAtOnce, sums, &rows, operands).emit();
  }

private:
  Attribute findLayout(MatmulOp op, StoredTensorType weight,
                       const KernelTarget &target, bool onlyGains,
                       std::string &reason) const override;
};

class MatmulTernaryF32 final : public MatmulTernary {
public:
  using MatmulTernary::MatmulTernary;

private:
  std::string checkInput(MatmulOp op) const override {
    return op.getInputQuantAttr() ? "the input is quantized" : "";
  }
  std::string checkSums(MatmulOp, StoredTensorType) const override { return {}; }
  void emitLoops(KernelBuilder &k, MatmulOp op, const ByteLayout &layout,
                 const PackedLayout &plain, int64_t rowsAtOnce,
                 ValueRange operands) const override {
    FloatSums sums(k, layout, operands[1], operands[0]);
    ByteLoops(k, op, layout, plain, rowsAtOnce, sums, nullptr, operands).emit();
  }
};

} // namespace

Attribute MatmulTernary::findLayout(MatmulOp op, StoredTensorType weight,
                                    const KernelTarget &, bool onlyGains,
                                    std::string &reason) const {
  auto format = dyn_cast<CodebookFormatAttr>(weight.getFormat());
  if (!format || !format.getParts().isBase3) {
    reason = FormatAttrInterface(weight.getFormat()).getSpelling() +
             " has not five levels of three in a byte";
    return {};
  }
  if (reason = checkSums(op, weight); !reason.empty())
    return {};
  // Making tables costs as much as looking up a few panels.
  constexpr int64_t kLeastRows = 256;
  int64_t rows = weight.getRows(), k = weight.getK();
  if (onlyGains && rows < kLeastRows) {
    reason =
        llvm::formatv("{0} rows of a weight are fewer than {1}, too few to "
                      "share tables",
                      rows, kLeastRows);
    return {};
  }
  int64_t group = format.getParts().getGroupLength(k);
  return PackedBytesAttr::get(
      weight.getContext(), rows, k, group < k ? group : 0,
      format.getHalfScale() ? 16 : 32, kDigits, kLine, kStreams);
}

namespace mpq {
void registerKernelFamilyMatmulTernary(DialectRegistry &) {
  packed::registerPackedFamily<MatmulTernary>("matmul_ternary", 75,
                                              "matmul_ternary_large", 330);
  packed::registerPackedFamily<MatmulTernaryF32>(
      "matmul_ternary_f32", 70, "matmul_ternary_f32_large", 125);
}
} // namespace mpq
