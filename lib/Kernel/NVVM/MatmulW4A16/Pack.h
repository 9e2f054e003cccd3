//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The packing of a weight into its layout, as IR for the CPU.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_PACK_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_PACK_H

#include "WeightLayout.h"
#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::w4a16 {

/// Writes all of `packed`, a memref of at least `layout.bytes()` i8.
void emitPacking(KernelBuilder &k, const WeightLayout &layout,
                 const WeightReader &weight, mlir::Value packed);

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_PACK_H
