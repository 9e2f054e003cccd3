//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// IR that packs a weight as `LutLayout` says.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLUT_PACK_H
#define MPQ_LIB_KERNEL_CPU_MATMULLUT_PACK_H

#include "lib/Kernel/CPU/MatmulLut/LutLayout.h"
#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::lut {

/// Writes all `layout.bytes()` bytes of `packed`. The format of `weight` is a
/// `LutFormatAttr`, or, with a shared table, a `CodebookFormatAttr` that has
/// learned it.
void emitPack(KernelBuilder &k, const LutLayout &layout,
              const WeightReader &weight, mlir::Value packed);

} // namespace mpq::lut

#endif // MPQ_LIB_KERNEL_CPU_MATMULLUT_PACK_H
