// Layouts are chosen, and weights packed, before bufferization.
// RUN: quant-opt %s --mpq-layout --verify-diagnostics
// RUN: not quant-opt %s --mpq-pack-weights 2>&1 | FileCheck %s
// CHECK: error: 'mpq.matmul' op is on memrefs already; weights are packed as tensors

func.func @main(%x: memref<2x64xf32>, %w: memref<8192xi8>, %y: memref<2x32xf32>) {
  // expected-error @below {{is on memrefs already; layouts are chosen for tensors}}
  mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<8192xi8>) outs(%y : memref<2x32xf32>)
    {family = "matmul_f32", weight_axis = 0 : i64, weight_shape = array<i64: 32, 64>}
  return
}
