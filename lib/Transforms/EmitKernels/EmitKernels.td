//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_EMITKERNELS_TD
#define MPQ_TRANSFORMS_EMITKERNELS_TD

include "mlir/Pass/PassBase.td"

def EmitKernelsPass : Pass<"mpq-emit-kernels", "::mlir::ModuleOp"> {
  let summary = "Replace compute ops on memrefs by calls of generated kernels";
  let description = [{
    Every compute op on memrefs becomes a call of a function whose body its
    kernel family emits. Equal problems (same attributes, same operand types)
    share one function.

    ```mlir
    mpq.conv ins(%x, %w : ...) outs(%y : ...) {family = "conv_f32", ...}
    ```
    becomes
    ```mlir
    call @conv_f32_0(%x, %w, %y) : (...) -> ()
    func.func private @conv_f32_0(...) { loops }
    ```
    A `linalg.generic` that a family accepts goes the same way; the others
    become plain loops later. An op without `family` gets the first family that accepts it. What the
    more specialised ones said is a `missed` remark.

    `mpq.nanoseconds` of a function is what a call of it takes by the rates of the cost table
    (mpq/Analysis/Cost.h) of the CPU, or of `table`.
  }];
  let options = [Option<"table", "table", "std::string", "\"\"", "a cost table of your own (.json)">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::ub::UBDialect"];
}

#endif // MPQ_TRANSFORMS_EMITKERNELS_TD
