// Rows stay as they are: no op of a transformer asks for a layout.
// RUN: quant-opt %s --mpq-layout | FileCheck %s

module attributes {mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "fma"]} {

// CHECK-LABEL: @transformer_layer
// CHECK-NOT: mpq.convert
// CHECK-DAG: family = "normalize"
// CHECK-DAG: family = "matmul_f32"
// CHECK-DAG: family = "attention"
// CHECK-NOT: mpq.convert
// CHECK: return
func.func @transformer_layer(%x: tensor<?x8xf32>, %g: tensor<8xf32>, %w: tensor<8x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = mpq.normalize ins(%x : tensor<?x8xf32>) scale(%g : tensor<8xf32>) outs(%e : tensor<?x8xf32>)
      {epsilon = 1.0e-5 : f32} -> tensor<?x8xf32>
  %1 = mpq.matmul ins(%0, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%e : tensor<?x8xf32>)
      {weight_shape = array<i64: 8, 8>} -> tensor<?x8xf32>
  %2 = mpq.attention ins(%1, %1, %1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 4 : i64, value_size = 4 : i64, scale = 0.5 : f32} -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// A bias that an op computes is that op's result, rebuilt like any other.
// CHECK-LABEL: @computed_bias
func.func @computed_bias(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>,
                         %e: tensor<2x4xf32>, %f: tensor<4xf32>) -> tensor<2x4xf32> {
  // CHECK: %[[B:.*]] = mpq.map
  // CHECK: mpq.matmul {{.*}} bias(%[[B]] :
  %0 = mpq.map ins(%b, %c : tensor<4xf32>, tensor<4xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = arith.addf %p, %q : f32
    mpq.yield %s : f32
  } -> tensor<4xf32>
  %1 = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) bias(%0 : tensor<4xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}
}
