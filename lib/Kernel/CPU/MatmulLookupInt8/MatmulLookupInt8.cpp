//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of u8 rows with weights of 1 bit that stay packed in memory, by
// tables of sums of activations (ByteTables.h): exact, with a third fewer
// instructions than masks and dot products need (matmul_packed). Rows that arrive
// as f32 are quantized here, each with its own scale.
//
// The layout is that of matmul_packed, cut into chunks of columns (PackedLayout.h);
// docs/Rationale/Lookup.md has the reasons and the measurements.
//
// With 2 bits half a byte is 2 weights, whose sums take two tables as well: 11
// instructions for 256 weights instead of 4 masks and 4 dot products. Without
// vpermb, vpshufb has one table for all 16 bytes of its lanes, and would look up
// each byte in all four: more instructions than masks.
//
// Two families with the same kernels: one is asked before matmul_packed and takes
// what is faster, the other, which is asked behind it, takes anything of 1 bit.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupInt8/Loops.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupint8;

/// That of matmul_packed, in chunks of whole blocks or cells.
static PackedAttr getChunks(StoredTensorType weight, std::string &reason) {
  PackedAttr attr = PackedLayout::get(weight, reason);
  if (!attr)
    return attr;
  PackedLayout layout(attr);
  int64_t whole = layout.isGrouped()
                      ? layout.blockGroups * layout.groupColumns
                      : layout.cellSteps * PackedLayout::kColumns;
  int64_t chunk = llvm::alignTo(Tuning::kChunkColumns, whole);
  return PackedAttr::get(attr.getContext(), attr.getRows(), attr.getK(),
                         attr.getBits(), attr.getGroup(), attr.getStep(),
                         attr.getLow(), attr.getScaleBits(),
                         attr.getZeroPoints(), attr.getTable(),
                         attr.getLevels(), chunk < layout.k ? chunk : 0,
                         attr.getPlanes());
}

namespace {

class MatmulLookupInt8 final : public packed::PackedFamily {
public:
  using PackedFamily::PackedFamily;

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (target.avx512vbmi && target.avx512vnni && target.avx512bw &&
        target.vectorBits >= 512)
      return PackedFamily::accepts(op, target, reason);
    reason = "there is no look-up of bytes in a table of 64 with sums of 4 in 32 "
             "bits, as in AVX-512 VBMI and VNNI";
    return false;
  }

private:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkCodes(op);
  }
  std::string check(MatmulOp op, StoredTensorType weight) const override {
    return packed::checkIntegerSums(op, weight);
  }
  std::string checkLayout(MatmulOp op, const PackedLayout &layout) const override;
  std::string checkGain(MatmulOp op, const PackedLayout &layout) const override;
  PackedAttr getLayout(StoredTensorType weight, const KernelTarget &,
                       std::string &reason) const override {
    return getChunks(weight, reason);
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
                 ValueRange operands) const override {
    Tuning tuning;
    LookupLoops(k, op, layout, tuning, operands).emit();
  }
};

} // namespace

std::string MatmulLookupInt8::checkLayout(MatmulOp op,
                                          const PackedLayout &layout) const {
  if (layout.bits != 1)
    return llvm::formatv("tables take more instructions than masks for codes of "
                         "{0} bits",
                         layout.bits);
  if (layout.zeroPoints)
    return "levels of 1 bit have zero points";
  if (layout.groupSteps % ByteTables::kSteps != 0)
    return llvm::formatv("groups of {0} columns are not multiples of the {1} "
                         "that half a byte of each lane covers",
                         layout.groupColumns,
                         ByteTables::kSteps * PackedLayout::kColumns);
  int64_t pitch = ByteTables::getPitch(layout, op.getInputQuantAttr().getBits());
  if (pitch > Tuning::kTableBytes)
    return llvm::formatv("the tables of {0} columns take {1} bytes, more than "
                         "{2}",
                         layout.k, pitch, Tuning::kTableBytes);
  return {};
}

/// Making tables costs as much as reading a few streams by them
/// (docs/Rationale/Lookup.md).
std::string MatmulLookupInt8::checkGain(MatmulOp,
                                       const PackedLayout &layout) const {
  constexpr int64_t kLeastRows = 256;
  if (layout.rows < kLeastRows)
    return llvm::formatv("{0} rows of a weight are fewer than {1}, too few to "
                         "share tables",
                         layout.rows, kLeastRows);
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulLookupInt8(DialectRegistry &) {
  packed::registerPackedFamily<MatmulLookupInt8>(
      "matmul_lookup_int8", 280, "matmul_lookup_int8_large", 315);
}
} // namespace mpq
