//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_EMITGPUKERNELS_TD
#define MPQ_TRANSFORMS_EMITGPUKERNELS_TD

include "mlir/Pass/PassBase.td"

def EmitGpuKernelsPass : Pass<"mpq-emit-gpu-kernels", "::mlir::ModuleOp"> {
  let summary = "Emit the GPU kernels of compute ops on tensors, and place constants";
  let description = [{
    @main keeps its ops, which now say what to launch for each of them: the
    kernels for ever more rows of the activations, their blocks and shared
    memory. The kernels are in the module @kernels. Equal problems share them.

    ```mlir
    %p = mpq.pack %w "fc.weight" with @pack_0
    %y = mpq.matmul ins(%x, %p) outs(%e) {family = "matmul_w4a16", ...}
    ```
    becomes
    ```mlir
    mpq.slot "fc.weight" at 0 size 2304 packed by @pack_0 from ...
    %p = mpq.pack %w "fc.weight" with @pack_0 {mpq.offset = 0}
    %y = mpq.matmul ins(%x, %p) outs(%e) {mpq.launches = [{kernel = @kernels::@matmul_w4a16_0_rows16,
           max_rows = 16, rows_per_block = 16, column_blocks = 2, splits = 4, threads = 128, shared_bytes = 32768}, ...]}
    gpu.module @kernels { gpu.func @matmul_w4a16_0_rows16(...) kernel { ... } ... }
    ```
    All weights and biases are in one blob of `mpq.weights_bytes` bytes. Blocks
    that split K meet in a workspace of `mpq.workspace_bytes` bytes. In a
    function that is parallel in its samples, the number of rows is a matter of
    run time, and so it is where a dimension is dynamic.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
    "::mlir::memref::MemRefDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::NVVM::NVVMDialect"];
}

#endif // MPQ_TRANSFORMS_EMITGPUKERNELS_TD
