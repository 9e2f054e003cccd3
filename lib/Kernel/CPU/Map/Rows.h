//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.map` on plain rows, whose number and size may be known at run time only.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MAP_ROWS_H
#define MPQ_LIB_KERNEL_CPU_MAP_ROWS_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::map {

/// Whether the result is plain, of rank 1 or 2.
bool isOnRows(MapOp op);

void emitRows(KernelBuilder &k, MapOp op, mlir::ValueRange operands);

} // namespace mpq::map

#endif // MPQ_LIB_KERNEL_CPU_MAP_ROWS_H
