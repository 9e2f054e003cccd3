//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// IR that packs a weight, byte by byte as `PackedLayout` says.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_PACK_H
#define MPQ_LIB_KERNEL_CPU_PACKED_PACK_H

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/PackedLayout.h"

namespace mpq::packed {

/// Writes all `layout.bytes()` bytes of `packed`.
void emitPack(KernelBuilder &k, const PackedLayout &layout,
              const WeightReader &weight, mlir::Value packed);

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_PACK_H
