//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_PACKWEIGHTS_TD
#define MPQ_TRANSFORMS_PACKWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def PackWeightsPass : Pass<"mpq-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Put weights into the layouts that their kernel families chose";
  let description = [{
    Every weight of a compute op goes through an `mpq.pack`, whose packing
    function the family emits. Stored weights that no compute op takes are
    decoded to f32 the same way.

    ```mlir
    %y = mpq.conv ins(%x, %w : ..., tensor<16x3x3x3xf32>) ... {family = "conv_f32"}
    ```
    becomes
    ```mlir
    %p = mpq.pack %w "conv1.weight" with @pack_conv_f32_0 : tensor<16x3x3x3xf32> -> tensor<2304xi8>
    %y = mpq.conv ins(%x, %p : ..., tensor<2304xi8>) ... {family = "conv_f32"}
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::bufferization::BufferizationDialect"];
}

#endif // MPQ_TRANSFORMS_PACKWEIGHTS_TD
