//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The lines that both kinds of sums read: of AVX-512, two streams side by side.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULTERNARY_LINE_H
#define MPQ_LIB_KERNEL_CPU_MATMULTERNARY_LINE_H

#include "lib/Kernel/CPU/ByteLookup/PanelSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mpq::ternary {

constexpr int64_t kDigits = bytelookup::TernaryByte::kDigits, kLine = 64,
                  kStreams = 2, kLanes = kLine / 4, kVectors = 4 * kStreams;

/// Whether the levels of a byte are those of its index turned over.
inline mlir::Value isMirrored(KernelBuilder &k, mlir::Value line) {
  return mlir::arith::CmpIOp::create(k.b, mlir::arith::CmpIPredicate::slt, line,
                                     k.splatInteger(8, 0, kLine));
}

} // namespace mpq::ternary

#endif // MPQ_LIB_KERNEL_CPU_MATMULTERNARY_LINE_H
