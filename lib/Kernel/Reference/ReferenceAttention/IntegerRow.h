//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention with quantized operands, one query at a time.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_REFERENCE_REFERENCEATTENTION_INTEGERROW_H
#define MPQ_LIB_KERNEL_REFERENCE_REFERENCEATTENTION_INTEGERROW_H

#include "mpq/Kernel/AttentionGeometry.h"

namespace mpq::reference {

/// Writes the result of one query of a head.
void emitIntegerRow(KernelBuilder &k, AttentionOp op,
                    const AttentionGeometry &g, Index batch, Index head,
                    Index row);

} // namespace mpq::reference

#endif // MPQ_LIB_KERNEL_REFERENCE_REFERENCEATTENTION_INTEGERROW_H
