//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Values that LLVM knows nothing of, for sequences of instructions that are chosen by
// what they cost.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_HIDE_H
#define MPQ_LIB_KERNEL_CPU_PACKED_HIDE_H

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mpq::packed {

/// The vector `value` behind an empty piece of assembly, which costs nothing: LLVM
/// neither makes other instructions of a constant nor sums up in another order.
inline mlir::Value hide(KernelBuilder &k, mlir::Value value) {
  using namespace mlir;
  return LLVM::InlineAsmOp::create(
             k.b, value.getType(), value, "", "=v,0",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getRes();
}

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_HIDE_H
