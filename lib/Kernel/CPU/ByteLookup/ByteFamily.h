//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the families whose packed layout is a `ByteLayout` share: its size, how
// it is packed, and how kernels come by it.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H

#include "lib/Kernel/CPU/ByteLookup/ByteLayout.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

namespace mpq::bytelookup {

/// Its layouts are `#mpq.packed_bytes`.
class ByteFamily : public packed::StoredWeightFamily {
public:
  using StoredWeightFamily::StoredWeightFamily;

  int64_t getPackedBytes(mlir::Operation *op,
                         const KernelTarget &target) const final;
  void emitPack(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Operation *op, const KernelTarget &target,
                const WeightReader &weight, mlir::Value packed) const final;
  void emit(mlir::OpBuilder &builder, mlir::Location loc, mlir::Operation *op,
            const KernelTarget &target, mlir::ValueRange operands) const final;

protected:
  std::string checkPacked(MatmulOp op) const override;
  /// The loops of a kernel that makes tables for `rowsAtOnce` rows at a time.
  virtual void emitLoops(KernelBuilder &k, MatmulOp op,
                         const ByteLayout &layout, const PackedLayout &plain,
                         int64_t rowsAtOnce,
                         mlir::ValueRange operands) const = 0;
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H
