//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of u8 rows with weights of 1 bit by tables of 16 sums of activations,
// exact (NibbleSums.h), for CPUs whose widest look-up of bytes is vpshufb: AVX2, and
// AVX-512 without VBMI. Rows that arrive as f32 are quantized here, each with its own
// scale.
//
// vpshufb looks up in tables of 16 bytes, the same one for each 16 bytes of a vector or
// not. In the layout of matmul_packed, where the four bytes of a lane want four tables,
// three of four lookups would be for nothing; so a byte of a line is a row
// (../ByteLookup/ByteLayout.h). docs/Rationale/Lookup.md has the measurements.
//
// Two families with the same kernels: one is asked before matmul_packed and takes what
// is faster, the other, which is asked behind it, takes anything of 1 bit.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/ByteFamily.h"
#include "lib/Kernel/CPU/ByteLookup/Loops.h"
#include "lib/Kernel/CPU/MatmulLookupPshufb/NibbleSums.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;
using namespace mpq::lookuppshufb;

static bool isWide(const KernelTarget &target) {
  return target.avx512bw && target.vectorBits >= 512;
}

namespace {

class MatmulLookupPshufb final : public ByteFamily {
public:
  using ByteFamily::ByteFamily;

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (target.avx2)
      return ByteFamily::accepts(op, target, reason);
    reason = "there is no look-up of 32 bytes in a table of 16, as in AVX2";
    return false;
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const ByteLayout &layout,
                 const PackedLayout &plain, int64_t rowsAtOnce,
                 ValueRange operands) const override;

private:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkCodes(op);
  }
  Attribute findLayout(MatmulOp op, StoredTensorType weight,
                       const KernelTarget &target, bool onlyGains,
                       std::string &reason) const override;
};

} // namespace

Attribute MatmulLookupPshufb::findLayout(MatmulOp op, StoredTensorType weight,
                                         const KernelTarget &target,
                                         bool onlyGains,
                                         std::string &reason) const {
  if (reason = packed::checkIntegerSums(op, weight); !reason.empty())
    return {};
  PackedAttr plain = PackedLayout::get(weight, reason);
  if (!plain)
    return {};
  if (plain.getBits() != 1 || plain.getStep() != 2 || plain.getZeroPoints()) {
    reason =
        llvm::formatv("tables of sums are for levels of -1 and 1, not codes "
                      "of {0} bits",
                      plain.getBits());
    return {};
  }
  if (onlyGains && (target.avx512vnni || target.avxvnni)) {
    reason = "masks and dot products of 8-bit integers (VNNI) take no longer";
    return {};
  }
  // Making tables costs as much as looking up a few panels.
  constexpr int64_t kLeastRows = 256;
  if (onlyGains && plain.getRows() < kLeastRows) {
    reason =
        llvm::formatv("{0} rows of a weight are fewer than {1}, too few to "
                      "share tables",
                      plain.getRows(), kLeastRows);
    return {};
  }
  // 16 registers have room for the sums of one stream.
  return PackedBytesAttr::get(weight.getContext(), plain.getRows(),
                              plain.getK(), plain.getGroup(),
                              plain.getScaleBits(),
                              /*columns=*/8, isWide(target) ? 64 : 32,
                              /*streams=*/1);
}

void MatmulLookupPshufb::emitLoops(KernelBuilder &k, MatmulOp op,
                                   const ByteLayout &layout,
                                   const PackedLayout &plain,
                                   int64_t rowsAtOnce,
                                   ValueRange operands) const {
  UniformAttr quant = op.getInputQuantAttr();
  packed::SignedRows rows(k, plain, k.activation(operands[0], {}, quant),
                          rowsAtOnce, /*sumShift=*/0);
  NibbleSums sums(k, layout, operands[1], plain, rows, quant.getBits());
  ByteLoops(k, op, layout, plain, rowsAtOnce, sums, &rows, operands).emit();
}

namespace mpq {
void registerKernelFamilyMatmulLookupPshufb(DialectRegistry &) {
  packed::registerPackedFamily<MatmulLookupPshufb>(
      "matmul_lookup_pshufb", 275, "matmul_lookup_pshufb_large", 312);
}
} // namespace mpq
