// What compute ops store for each other becomes bf16.
// RUN: quant-opt %s --mpq-narrow-activations --canonicalize --cse --split-input-file | FileCheck %s

module attributes {mpq.float_activations = bf16} {

// Arguments and results of the function stay f32. An image of three channels is read as it is.
// CHECK-LABEL: @image
// CHECK: %[[A:.*]] = mpq.conv ins(%{{.*}} : tensor<1x3x8x8xf32>, {{.*}}) outs({{.*}}) {{.*}} -> tensor<1x16x8x8xbf16>
// CHECK: %[[B:.*]] = mpq.conv ins(%[[A]], {{.*}}) residual(%[[A]] : tensor<1x16x8x8xbf16>) {{.*}} -> tensor<1x16x8x8xbf16>
// CHECK: %[[P:.*]] = mpq.pool average ins(%[[B]] {{.*}} -> tensor<1x16x1x1xbf16>
// CHECK: %[[R:.*]] = tensor.collapse_shape %[[P]] {{.*}} : tensor<1x16x1x1xbf16> into tensor<1x16xbf16>
// CHECK: mpq.matmul ins(%[[R]], {{.*}} -> tensor<1x10xf32>
// CHECK-NOT: mpq.convert
func.func @image(%x: tensor<1x3x8x8xf32>, %v: tensor<16x3x1x1xf32>, %w: tensor<16x16x1x1xf32>, %f: tensor<10x16xf32>) -> tensor<1x10xf32> {
  %e = tensor.empty() : tensor<1x16x8x8xf32>
  %0 = mpq.conv ins(%x, %v : tensor<1x3x8x8xf32>, tensor<16x3x1x1xf32>) outs(%e : tensor<1x16x8x8xf32>)
      {weight_shape = array<i64: 16, 3, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x16x8x8xf32>
  %1 = mpq.conv ins(%0, %w : tensor<1x16x8x8xf32>, tensor<16x16x1x1xf32>) residual(%0 : tensor<1x16x8x8xf32>)
      outs(%e : tensor<1x16x8x8xf32>)
      {weight_shape = array<i64: 16, 16, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x16x8x8xf32>
  %p = tensor.empty() : tensor<1x16x1x1xf32>
  %2 = mpq.pool average ins(%1 : tensor<1x16x8x8xf32>) outs(%p : tensor<1x16x1x1xf32>)
      {window = array<i64: 8, 8>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x16x1x1xf32>
  %3 = tensor.collapse_shape %2 [[0], [1, 2, 3]] : tensor<1x16x1x1xf32> into tensor<1x16xf32>
  %o = tensor.empty() : tensor<1x10xf32>
  %4 = mpq.matmul ins(%3, %f : tensor<1x16xf32>, tensor<10x16xf32>) outs(%o : tensor<1x10xf32>)
      {weight_shape = array<i64: 10, 16>} -> tensor<1x10xf32>
  return %4 : tensor<1x10xf32>
}

// Products read bf16 even of an argument, rounded once for both; rows may be known at run time only.
// CHECK-LABEL: @rows
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK: %[[C:.*]] = mpq.convert ins(%[[X]] : tensor<?x8xf32>) outs({{.*}}) -> tensor<?x8xbf16>
// CHECK: %[[A:.*]] = mpq.matmul ins(%[[C]], {{.*}} -> tensor<?x8xbf16>
// CHECK: %[[B:.*]] = mpq.matmul ins(%[[C]], {{.*}} -> tensor<?x8xbf16>
// CHECK: mpq.attention ins(%[[A]], %[[B]], %[[B]] {{.*}} mask(%{{.*}} : tensor<?xf32>) {{.*}} -> tensor<?x8xf32>
func.func @rows(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>, %m: tensor<?xf32>, %e: tensor<?x8xf32>, %g: tensor<?xf32>) -> tensor<?x8xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%e : tensor<?x8xf32>)
      {weight_shape = array<i64: 8, 8>} -> tensor<?x8xf32>
  %1 = mpq.matmul ins(%x, %v : tensor<?x8xf32>, tensor<8x8xf32>) outs(%e : tensor<?x8xf32>)
      {weight_shape = array<i64: 8, 8>} -> tensor<?x8xf32>
  // The mask may hold the lowest number there is, which bf16 would round to an infinity.
  %2 = mpq.map ins(%m : tensor<?xf32>) outs(%g : tensor<?xf32>) {
  ^bb0(%a: f32):
    %n = arith.negf %a : f32
    mpq.yield %n : f32
  } -> tensor<?xf32>
  %3 = mpq.attention ins(%0, %1, %1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) mask(%2 : tensor<?xf32>)
      outs(%e : tensor<?x8xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 4 : i64, value_size = 4 : i64, scale = 0.5 : f32} -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}

// What others read stays as it is, and codes are no floats.
// CHECK-LABEL: @others
// CHECK: mpq.gather {{.*}} -> tensor<2x8xf32>
// CHECK: mpq.matmul {{.*}} -> tensor<2x8xi8>
// CHECK: mpq.matmul {{.*}} -> tensor<2x8xf32>
func.func @others(%i: tensor<2xi64>, %t: tensor<9x8xf32>, %w: tensor<8x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %e = tensor.empty() : tensor<2x8xf32>
  %0 = mpq.gather ins(%i, %t : tensor<2xi64>, tensor<9x8xf32>) outs(%e : tensor<2x8xf32>)
      {weight_shape = array<i64: 9, 8>} -> tensor<2x8xf32>
  %q = tensor.empty() : tensor<2x8xi8>
  %1 = mpq.matmul ins(%0, %w : tensor<2x8xf32>, tensor<8x8xf32>) outs(%q : tensor<2x8xi8>)
      {weight_shape = array<i64: 8, 8>, output_quant = #mpq.uniform<scale = 0.1, zero_point = 0>} -> tensor<2x8xi8>
  %2 = mpq.matmul ins(%1, %w : tensor<2x8xi8>, tensor<8x8xf32>) outs(%e : tensor<2x8xf32>)
      {weight_shape = array<i64: 8, 8>, input_quant = #mpq.uniform<scale = 0.1, zero_point = 0>} -> tensor<2x8xf32>
  return %0, %2 : tensor<2x8xf32>, tensor<2x8xf32>
}
}

// -----

// Nothing is asked for.
// CHECK-LABEL: @unasked
// CHECK-NOT: bf16
func.func @unasked(%x: tensor<1x8xf32>, %w: tensor<8x8xf32>) -> tensor<1x8xf32> {
  %e = tensor.empty() : tensor<1x8xf32>
  %0 = mpq.matmul ins(%x, %w : tensor<1x8xf32>, tensor<8x8xf32>) outs(%e : tensor<1x8xf32>)
      {weight_shape = array<i64: 8, 8>} -> tensor<1x8xf32>
  %1 = mpq.matmul ins(%0, %w : tensor<1x8xf32>, tensor<8x8xf32>) outs(%e : tensor<1x8xf32>)
      {weight_shape = array<i64: 8, 8>} -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}
