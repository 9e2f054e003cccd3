//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_EMITFORKS_TD
#define MPQ_TRANSFORMS_EMITFORKS_TD

include "mlir/Pass/PassBase.td"

def EmitForksPass : Pass<"mpq-emit-forks", "::mlir::ModuleOp"> {
  let summary = "Hand the calls of split kernels to a team of threads";
  let description = [{
    @main gets one more argument, the team (`MpqTeam` of
    mpq-c/ModelDescriptor.h), or null. A call with `mpq.parts` puts its operands
    into a frame on the stack and asks the team to run the parts; without a team
    it is one call as before. Calls with `mpq.joins` are in the same request as the
    one before them: its parts call one kernel after the other.

    ```mlir
    llvm.func @main(%x: !llvm.ptr, ...) {
      llvm.call @conv_f32_0(%x, %w, %y, %c0, %c1) {mpq.parts = 2 : i64}
    ```
    becomes
    ```mlir
    llvm.func @main(%x: !llvm.ptr, ..., %team: !llvm.ptr) {
      // frame[0] = %x, frame[1] = %w, frame[2] = %y
      llvm.call @mpq_fork(%team, @conv_f32_0_part, %frame, 2)
    llvm.func internal @conv_f32_0_part(%frame: !llvm.ptr, %part: i64, %parts: i64) {
      llvm.call @conv_f32_0(frame[0], frame[1], frame[2], %part, %parts)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // MPQ_TRANSFORMS_EMITFORKS_TD
