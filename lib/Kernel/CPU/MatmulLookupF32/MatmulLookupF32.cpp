//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f32 rows, or of what becomes f32, with weights of 1 or 2 bits
// as they are packed: instead of a multiply-add for each of 16 weights, one
// permutation and one addition for each of 64 or 32 (SumTables.h). The layout is
// that of matmul_packed_f32 (PackedLayout.h); docs/Rationale/Lookup.md has the
// reasons and the measurements.
//
// Two families with the same kernels: one is asked before all that multiply floats
// and takes what is faster with tables, the other, which is asked last, takes
// anything that has a table.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLookupF32/Loops.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lookupf32;

namespace {

class MatmulLookupF32 final : public packed::PackedFamily {
public:
  using PackedFamily::PackedFamily;

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (target.avx512f && target.avx512bw && target.vectorBits >= 512)
      return PackedFamily::accepts(op, target, reason);
    reason = "there is no permutation of 16 floats by 4 bits, as in AVX-512";
    return false;
  }

private:
  std::string checkInput(MatmulOp op) const override {
    return packed::checkRowScales(op);
  }
  std::string checkLayout(MatmulOp op, const PackedLayout &layout) const override;
  std::string checkGain(MatmulOp op, const PackedLayout &layout) const override;

  PackedAttr getLayout(StoredTensorType weight, const KernelTarget &,
                       std::string &reason) const override {
    return PackedLayout::getForFloats(weight, reason);
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
                 ValueRange operands) const override {
    Tuning tuning = getTuning();
    LookupLoops(k, op, layout, tuning, operands).emit();
  }
};

} // namespace

std::string MatmulLookupF32::checkLayout(MatmulOp,
                                         const PackedLayout &layout) const {
  if (layout.bits > 2)
    return llvm::formatv("tables of sums are for codes of 1 or 2 bits, not {0}",
                         layout.bits);
  int64_t steps = SumTables::getSteps(layout);
  if (layout.groupSteps % steps != 0)
    return llvm::formatv("groups of {0} columns are not multiples of the {1} "
                         "that half a byte of each lane covers",
                         layout.groupColumns, steps * PackedLayout::kColumns);
  if (SumTables::getRowsIn(layout, Tuning::kTableBytes) == 0)
    return llvm::formatv("the tables of {0} columns take {1} bytes, more than "
                         "{2}",
                         layout.k, 4 * SumTables::getPitch(layout),
                         Tuning::kTableBytes);
  return {};
}

/// Making a table costs as much as a few lookups (docs/Rationale/Lookup.md).
std::string MatmulLookupF32::checkGain(MatmulOp,
                                       const PackedLayout &layout) const {
  int64_t least = layout.bits == 1 ? 64 : 256;
  if (layout.rows < least)
    return llvm::formatv("{0} rows of a weight of {1} bits are fewer than {2}, "
                         "too few to share tables",
                         layout.rows, layout.bits, least);
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulLookupF32(DialectRegistry &) {
  packed::registerPackedFamily<MatmulLookupF32>("matmul_lookup_f32", 80,
                                                "matmul_lookup_f32_large", 115);
}
} // namespace mpq
