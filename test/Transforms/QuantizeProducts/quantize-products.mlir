// Products of two activations in integers, where the module asks for them and kernels exist.
// RUN: quant-opt %s --mpq-quantize-products --split-input-file --verify-diagnostics | FileCheck %s

#a = affine_map<(d, m, n, k) -> (d, m, k)>
#b = affine_map<(d, m, n, k) -> (d, k, n)>
#c = affine_map<(d, m, n, k) -> (d, m, n)>
#i = affine_map<(m, n) -> (m, n)>
#t = affine_map<(m, n) -> (n)>
module attributes {mpq.activation_products = "int8", mpq.vector_bits = 128 : i64} {

// CHECK-LABEL: @attention
// CHECK: mpq.attention {{.*}} operand_quant = #mpq.uniform<dynamic>
func.func @attention(%x: tensor<1x?x64xf32>, %e: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  %y = mpq.attention ins(%x, %x, %x : tensor<1x?x64xf32>, tensor<1x?x64xf32>, tensor<1x?x64xf32>) outs(%e : tensor<1x?x64xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 32 : i64, value_size = 32 : i64, scale = 0.5 : f32} -> tensor<1x?x64xf32>
  return %y : tensor<1x?x64xf32>
}

// Few keys are faster in floats.
// CHECK-LABEL: @few_keys
// CHECK: mpq.attention
// CHECK-NOT: operand_quant
func.func @few_keys(%x: tensor<1x23x64xf32>, %e: tensor<1x23x64xf32>) -> tensor<1x23x64xf32> {
  %y = mpq.attention ins(%x, %x, %x : tensor<1x23x64xf32>, tensor<1x23x64xf32>, tensor<1x23x64xf32>) outs(%e : tensor<1x23x64xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 32 : i64, value_size = 32 : i64, scale = 0.5 : f32} -> tensor<1x23x64xf32>
  return %y : tensor<1x23x64xf32>
}

// Larger heads than the stack holds: the reference could, but nothing fast.
// CHECK-LABEL: @huge_heads
// CHECK: mpq.attention
// CHECK-NOT: operand_quant
func.func @huge_heads(%x: tensor<24x2048xf32>, %e: tensor<24x2048xf32>) -> tensor<24x2048xf32> {
  %y = mpq.attention ins(%x, %x, %x : tensor<24x2048xf32>, tensor<24x2048xf32>, tensor<24x2048xf32>) outs(%e : tensor<24x2048xf32>)
      {heads = 1 : i64, kv_heads = 1 : i64, head_size = 2048 : i64, value_size = 2048 : i64, scale = 0.5 : f32} -> tensor<24x2048xf32>
  return %y : tensor<24x2048xf32>
}

// CHECK-LABEL: @product
// CHECK: linalg.generic
// CHECK-SAME: attrs = {mpq.operand_quant = #mpq.uniform<dynamic>}
func.func @product(%x: tensor<2x3x4xf32>, %y: tensor<2x4x5xf32>, %e: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %y : tensor<2x3x4xf32>, tensor<2x4x5xf32>) outs(%e : tensor<2x3x5xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %r = arith.addf %s, %m : f32
    linalg.yield %r : f32
  } -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// Sums of something else than products, and what sums nothing.
// CHECK-LABEL: @others
// CHECK-NOT: mpq.operand_quant
func.func @others(%x: tensor<2x3x4xf32>, %y: tensor<2x4x5xf32>, %e: tensor<2x3x5xf32>, %u: tensor<3x5xf32>, %v: tensor<5xf32>) -> (tensor<2x3x5xf32>, tensor<3x5xf32>) {
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %y : tensor<2x3x4xf32>, tensor<2x4x5xf32>) outs(%e : tensor<2x3x5xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.maximumf %p, %q : f32
    %r = arith.addf %s, %m : f32
    linalg.yield %r : f32
  } -> tensor<2x3x5xf32>
  %1 = linalg.generic {indexing_maps = [#i, #t, #i], iterator_types = ["parallel", "parallel"]}
      ins(%u, %v : tensor<3x5xf32>, tensor<5xf32>) outs(%u : tensor<3x5xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    linalg.yield %m : f32
  } -> tensor<3x5xf32>
  return %0, %1 : tensor<2x3x5xf32>, tensor<3x5xf32>
}
}

// -----

// CHECK-LABEL: @not_asked
// CHECK-NOT: operand_quant
func.func @not_asked(%x: tensor<1x?x64xf32>, %e: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  %y = mpq.attention ins(%x, %x, %x : tensor<1x?x64xf32>, tensor<1x?x64xf32>, tensor<1x?x64xf32>) outs(%e : tensor<1x?x64xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 32 : i64, value_size = 32 : i64, scale = 0.5 : f32} -> tensor<1x?x64xf32>
  return %y : tensor<1x?x64xf32>
}

// -----

// expected-error @+1 {{'mpq.activation_products' is "int4" when it should be "f32" or "int8"}}
module attributes {mpq.activation_products = "int4"} {
func.func @unknown(%x: f32) -> f32 {
  return %x : f32
}
}
