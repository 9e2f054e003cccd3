// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(mpq-fuse-gpu-epilogues))' | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// Bias, residual and ReLU in one go.
// CHECK-LABEL: @sum_and_clamp
// CHECK: mpq.matmul ins(%arg0, %arg1 {{.*}}) bias(%{{.*}} : tensor<4xf32>) residual(%arg2 : tensor<2x4xf32>)
// CHECK-SAME: clamp = #mpq.range<0.000000e+00, inf>
// CHECK-NOT: linalg.generic
func.func @sum_and_clamp(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %r: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %b = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %p = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #column, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p, %b, %r : tensor<2x4xf32>, tensor<4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: f32, %c: f32, %d: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.addf %a, %c : f32
    %1 = arith.addf %0, %d : f32
    %2 = arith.maximumf %1, %zero : f32
    linalg.yield %2 : f32
  } -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#column = affine_map<(d0, d1, d2) -> (d2)>

// Through the reshape behind a product of three-dimensional activations.
// CHECK-LABEL: @through_reshape
// CHECK: %[[R:.*]] = tensor.collapse_shape %arg2
// CHECK: %[[P:.*]] = mpq.matmul {{.*}} residual(%[[R]] : tensor<6x4xf32>)
// CHECK: tensor.expand_shape %[[P]]
func.func @through_reshape(%x: tensor<6x8xf32>, %w: tensor<4x8xf32>, %r: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %e = tensor.empty() : tensor<6x4xf32>
  %f = tensor.empty() : tensor<2x3x4xf32>
  %p = mpq.matmul ins(%x, %w : tensor<6x8xf32>, tensor<4x8xf32>) outs(%e : tensor<6x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<6x4xf32>
  %q = tensor.expand_shape %p [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q, %r : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%f : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %0 = arith.addf %a, %c : f32
    linalg.yield %0 : f32
  } -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Conversions from and to f16 belong to the product.
// CHECK-LABEL: @half
// CHECK: mpq.matmul ins(%arg0, %arg1 : tensor<2x8xf16>, tensor<4x8xf32>) outs(%{{.*}} : tensor<2x4xf16>)
func.func @half(%x: tensor<2x8xf16>, %w: tensor<4x8xf32>) -> tensor<2x4xf16> {
  %f = tensor.empty() : tensor<2x8xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %h = tensor.empty() : tensor<2x4xf16>
  %wide = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<2x8xf16>) outs(%f : tensor<2x8xf32>) {
  ^bb0(%a: f16, %o: f32):
    %0 = arith.extf %a : f16 to f32
    linalg.yield %0 : f32
  } -> tensor<2x8xf32>
  %p = mpq.matmul ins(%wide, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<2x4xf32>) outs(%h : tensor<2x4xf16>) {
  ^bb0(%a: f32, %o: f16):
    %0 = arith.truncf %a : f32 to f16
    linalg.yield %0 : f16
  } -> tensor<2x4xf16>
  return %y : tensor<2x4xf16>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// What others read, too, keeps its value; a product with itself is no sum of two.
// CHECK-LABEL: @shared
// CHECK: linalg.generic
func.func @shared(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %e = tensor.empty() : tensor<2x4xf32>
  %p = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.maximumf %a, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<2x4xf32>
  return %p, %y : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// A bias of equal elements is a constant of the region by now, and so is the
// conversion of a residual.
// CHECK-LABEL: @splat_and_half
// CHECK: %[[B:.*]] = arith.constant dense<5.000000e-01> : tensor<4xf32>
// CHECK: mpq.matmul {{.*}} bias(%[[B]] : tensor<4xf32>) residual(%arg2 : tensor<2x4xf16>)
func.func @splat_and_half(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %r: tensor<2x4xf16>) -> tensor<2x4xf32> {
  %e = tensor.empty() : tensor<2x4xf32>
  %p = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%p, %r : tensor<2x4xf32>, tensor<2x4xf16>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: f32, %c: f16, %o: f32):
    %half = arith.constant 0.5 : f32
    %0 = arith.extf %c : f16 to f32
    %1 = arith.addf %a, %half : f32
    %2 = arith.addf %1, %0 : f32
    linalg.yield %2 : f32
  } -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
