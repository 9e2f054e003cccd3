//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the families whose packed layout is a `ByteLayout` share: its size, and how
// it is packed.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H

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
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_BYTEFAMILY_H
