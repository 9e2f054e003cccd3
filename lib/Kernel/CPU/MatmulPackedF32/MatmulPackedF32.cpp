//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f32 rows, or of what becomes f32, with weights of 1 to 8 bits
// that stay packed in memory, integer levels or tables: codes become floats in
// registers (Decode.h), products and sums are those of f32 (Loops.h). The layout is
// PackedLayout.h; docs/Rationale/PackedF32.md has the reasons and the measurements.
//
// Rows of bf16 are multiplied as they are stored, in pairs (vdpbf16ps), where every
// level is a number that bf16 has: nothing is rounded but the f32 sums.
//
// Two families each with the same kernels: one is asked before matmul_f32, or
// matmul_bf16, and takes what is faster packed, the other, which is asked behind it,
// takes anything.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/Loops.h"
#include "lib/Kernel/CPU/Packed/MeasuredTiles.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packedf32;

namespace {

class MatmulPackedF32 : public packed::PackedFamily {
public:
  using PackedFamily::PackedFamily;

protected:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkRowScales(op);
  }
  std::string checkGain(MatmulOp op, const PackedLayout &layout) const override;

  PackedAttr getLayout(StoredTensorType weight, const KernelTarget &,
                       std::string &reason) const override {
    return PackedLayout::getForFloats(weight, reason);
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
                 ValueRange operands) const override {
    Tuning tuning = getTuning(k.target, layout, multipliesBf16());
    packed::useMeasuredTiles<TileTuning>(
        op, multipliesBf16() ? "matmul_packed_bf16" : "matmul_packed_f32",
        layout.bits, tuning.tiles);
    FloatLoops(k, op, layout, tuning, operands).emit();
  }

  virtual bool multipliesBf16() const { return false; }
};

class MatmulPackedBf16 final : public MatmulPackedF32 {
public:
  using MatmulPackedF32::MatmulPackedF32;

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override;

private:
  std::string checkInput(MatmulOp op) const override;
  std::string check(MatmulOp op, StoredTensorType weight) const override;
  std::string checkGain(MatmulOp op, const PackedLayout &layout) const override;
  bool multipliesBf16() const override { return true; }
};

} // namespace

/// matmul_f32 decodes a weight once, at load, to four bytes for each code. Where
/// those stay in the cache nothing is gained by decoding again and again
/// (docs/Rationale/PackedF32.md).
std::string MatmulPackedF32::checkGain(MatmulOp,
                                       const PackedLayout &layout) const {
  constexpr int64_t kNearBytes = 1024 * 1024;
  int64_t bytes = layout.rows * layout.k * 4;
  if (bytes < kNearBytes)
    return llvm::formatv("{0} bytes of f32 weights are fewer than {1}, and fit "
                         "the second-level cache",
                         bytes, kNearBytes);
  return {};
}

bool MatmulPackedBf16::accepts(Operation *op, const KernelTarget &target,
                               std::string &reason) const {
  if (!MatmulPackedF32::accepts(op, target, reason))
    return false;
  if (target.avx512bf16 && target.lanes() == 16)
    return true;
  reason = "the target lacks AVX512_BF16";
  return false;
}

std::string MatmulPackedBf16::checkInput(MatmulOp op) const {
  if (!getElementTypeOrSelf(op.getInput()).isBF16())
    return "the input is not bf16";
  if (op.getInputQuantAttr())
    return "the input is quantized dynamically";
  return {};
}

std::string MatmulPackedBf16::check(MatmulOp,
                                    StoredTensorType weight) const {
  // Integer levels of a layout are below 2^8.
  auto codebook = dyn_cast<CodebookFormatAttr>(weight.getFormat());
  if (!codebook)
    return {};
  auto isExact = [](float level) {
    return (llvm::bit_cast<uint32_t>(level) & 0xffff) == 0;
  };
  if (codebook.isLearned() || !llvm::all_of(codebook.getLevels(), isExact))
    return "bf16 would round the levels of " +
           FormatAttrInterface(codebook).getSpelling();
  return {};
}

/// matmul_bf16 has two bytes for each code. With 1 bit, looking up f32 sums of four
/// products is faster than two products at once (docs/Rationale/Lookup.md).
std::string MatmulPackedBf16::checkGain(MatmulOp,
                                         const PackedLayout &layout) const {
  constexpr int64_t kNearBytes = 512 * 1024;
  int64_t bytes = layout.rows * layout.k * 2;
  if (bytes < kNearBytes)
    return llvm::formatv("{0} bytes of bf16 weights are fewer than {1}, and fit "
                         "the second-level cache",
                         bytes, kNearBytes);
  constexpr int64_t kLookupSteps = 4;
  if (layout.bits == 1 && layout.groupSteps % kLookupSteps == 0)
    return "sums of weights of 1 bit are looked up in less time";
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulPackedF32(DialectRegistry &) {
  packed::registerPackedFamily<MatmulPackedBf16>(
      "matmul_packed_bf16", 95, "matmul_packed_bf16_large", 120);
  packed::registerPackedFamily<MatmulPackedF32>("matmul_packed_f32", 90,
                                                "matmul_packed_f32_large", 110);
}
} // namespace mpq
