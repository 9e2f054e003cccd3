// Image-shaped linalg and tensor ops become mpq ops.
// RUN: quant-opt %s --mpq-raise | FileCheck %s

#id = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>

// CHECK-LABEL: @scale_per_channel
func.func @scale_per_channel(%x: tensor<1x4x2x2xf32>, %s: tensor<4xf32>) -> tensor<1x4x2x2xf32> {
  // CHECK: mpq.map ins(%{{.*}}, %{{.*}} : tensor<1x4x2x2xf32>, tensor<4xf32>)
  // CHECK: arith.mulf
  %e = tensor.empty() : tensor<1x4x2x2xf32>
  %0 = linalg.generic {indexing_maps = [#id, #channel, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %s : tensor<1x4x2x2xf32>, tensor<4xf32>) outs(%e : tensor<1x4x2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<1x4x2x2xf32>
  return %0 : tensor<1x4x2x2xf32>
}

// The constant is taken into the region.
// CHECK-LABEL: @captured_constant
func.func @captured_constant(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  // CHECK: mpq.map
  // CHECK: arith.constant 0.000000e+00
  // CHECK: arith.maximumf
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4x2x2xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x4x2x2xf32>) outs(%e : tensor<1x4x2x2xf32>) {
  ^bb0(%a: f32, %out: f32):
    %p = arith.maximumf %a, %z : f32
    linalg.yield %p : f32
  } -> tensor<1x4x2x2xf32>
  return %0 : tensor<1x4x2x2xf32>
}

// The option-A shortcut of a residual network is one op.
// CHECK-LABEL: @shortcut
func.func @shortcut(%x: tensor<1x16x32x32xf32>) -> tensor<1x32x16x16xf32> {
  // CHECK: mpq.slice_pad ins(%{{.*}} : tensor<1x16x32x32xf32>)
  // CHECK-SAME: low = array<i64: 0, 8, 0, 0>
  // CHECK-SAME: strides = array<i64: 1, 1, 2, 2>
  // CHECK-NOT: tensor.pad
  %z = arith.constant 0.0 : f32
  %0 = tensor.extract_slice %x[0, 0, 0, 0] [1, 16, 16, 16] [1, 1, 2, 2] : tensor<1x16x32x32xf32> to tensor<1x16x16x16xf32>
  %1 = tensor.pad %0 low[0, 8, 0, 0] high[0, 8, 0, 0] {
  ^bb0(%n: index, %c: index, %h: index, %w: index):
    tensor.yield %z : f32
  } : tensor<1x16x16x16xf32> to tensor<1x32x16x16xf32>
  return %1 : tensor<1x32x16x16xf32>
}

// Padding with another value stays as it is.
// CHECK-LABEL: @pad_with_one
func.func @pad_with_one(%x: tensor<1x2x2x2xf32>) -> tensor<1x4x2x2xf32> {
  // CHECK: tensor.pad
  %one = arith.constant 1.0 : f32
  %1 = tensor.pad %x low[0, 1, 0, 0] high[0, 1, 0, 0] {
  ^bb0(%n: index, %c: index, %h: index, %w: index):
    tensor.yield %one : f32
  } : tensor<1x2x2x2xf32> to tensor<1x4x2x2xf32>
  return %1 : tensor<1x4x2x2xf32>
}

#rows = affine_map<(b, s, f) -> (b, s, f)>
#feature = affine_map<(b, s, f) -> (f)>
#token = affine_map<(b, s, f) -> (b, s, 0)>
#table = affine_map<(b, s, f) -> (s, f)>

// Any number of rows: all but the last dimension are one. A vector of features, one value for each token, and a table
// for each sample.
// CHECK-LABEL: @rows
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x8xf32>, %[[F:.*]]: tensor<8xf32>, %[[T:.*]]: tensor<1x?x1xf32>, %[[P:.*]]: tensor<?x8xf32>
func.func @rows(%x: tensor<1x?x8xf32>, %f: tensor<8xf32>, %t: tensor<1x?x1xf32>, %p: tensor<?x8xf32>, %e: tensor<1x?x8xf32>)
    -> tensor<1x?x8xf32> {
  // CHECK-DAG: %[[XR:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
  // CHECK: mpq.map ins(%[[XR]], %[[F]], %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32>, tensor<?x1xf32>, tensor<?x8xf32>)
  // CHECK: tensor.expand_shape
  %0 = linalg.generic {indexing_maps = [#rows, #feature, #token, #table, #rows], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %f, %t, %p : tensor<1x?x8xf32>, tensor<8xf32>, tensor<1x?x1xf32>, tensor<?x8xf32>) outs(%e : tensor<1x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %out: f32):
    %q = arith.mulf %a, %b : f32
    %r = arith.divf %q, %c : f32
    %s = arith.addf %r, %d : f32
    linalg.yield %s : f32
  } -> tensor<1x?x8xf32>
  return %0 : tensor<1x?x8xf32>
}

// A permuted input is no row.
// CHECK-LABEL: @permuted
func.func @permuted(%x: tensor<8x4xf32>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NOT: mpq.map
  // CHECK: linalg.generic
  %0 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (b, a)>, affine_map<(a, b) -> (a, b)>],
      iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %out: f32):
    %q = arith.negf %a : f32
    linalg.yield %q : f32
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
