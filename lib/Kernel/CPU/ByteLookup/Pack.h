//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// IR that packs a weight, byte by byte as `ByteLayout` says.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PACK_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PACK_H

#include "lib/Kernel/CPU/ByteLookup/ByteLayout.h"
#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::bytelookup {

/// Writes all `layout.bytes()` bytes of `packed`. The levels of `weight` are those
/// of the layout.
void emitPack(KernelBuilder &k, const ByteLayout &layout,
              const WeightReader &weight, mlir::Value packed);

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PACK_H
