// Residual, activation and requantization go into the producer.
// RUN: quant-opt %s --mpq-fuse-epilogues --canonicalize | FileCheck %s

// A residual block's end: the later producer takes the other value.
// CHECK-LABEL: @residual_and_relu
// CHECK-SAME: (%[[X:.*]]: tensor<1x4x8x8xf32>, %[[W:.*]]: tensor<4x4x1x1xf32>, %[[R:.*]]: tensor<1x4x8x8xf32>)
func.func @residual_and_relu(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>, %r: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK: %[[Y:.*]] = mpq.conv ins(%[[X]], %[[W]] {{.*}} residual(%[[R]]
  // CHECK-SAME: clamp = #mpq.range<0.000000e+00, inf>
  // CHECK-NOT: mpq.map
  // CHECK: return %[[Y]]
  %e = tensor.empty() : tensor<1x4x8x8xf32>
  %0 = mpq.conv ins(%x, %w : tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 4, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  %1 = mpq.map ins(%0, %r : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) outs(%e : tensor<1x4x8x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %z = arith.constant 0.0 : f32
    %s = arith.addf %a, %b : f32
    %m = arith.maximumf %s, %z : f32
    mpq.yield %m : f32
  } -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// Another reader needs the value before the activation.
// CHECK-LABEL: @two_readers
func.func @two_readers(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>) -> (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) {
  // CHECK: mpq.conv
  // CHECK-NOT: clamp
  // CHECK: mpq.map
  %e = tensor.empty() : tensor<1x4x8x8xf32>
  %0 = mpq.conv ins(%x, %w : tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 4, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  %1 = mpq.map ins(%0 : tensor<1x4x8x8xf32>) outs(%e : tensor<1x4x8x8xf32>) {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %m = arith.maximumf %a, %z : f32
    mpq.yield %m : f32
  } -> tensor<1x4x8x8xf32>
  return %0, %1 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>
}

// min(max(x, 6), 0) is not the clamp to [0, 6]: nothing is fused.
// CHECK-LABEL: @contradicting_bounds
func.func @contradicting_bounds(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK: mpq.conv
  // CHECK-NOT: clamp
  // CHECK: mpq.map
  %e = tensor.empty() : tensor<1x4x8x8xf32>
  %0 = mpq.conv ins(%x, %w : tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 4, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  %1 = mpq.map ins(%0 : tensor<1x4x8x8xf32>) outs(%e : tensor<1x4x8x8xf32>) {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %six = arith.constant 6.0 : f32
    %m = arith.maximumf %a, %six : f32
    %n = arith.minimumf %m, %z : f32
    mpq.yield %n : f32
  } -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// Codes in, codes out: both converts disappear.
// CHECK-LABEL: @quantized
// CHECK-SAME: (%[[Q:.*]]: tensor<1x8xi8>, %[[W:.*]]: tensor<4x8xf32>)
func.func @quantized(%q: tensor<1x8xi8>, %w: tensor<4x8xf32>) -> tensor<1x4xi8> {
  // CHECK-NOT: mpq.convert
  // CHECK: mpq.matmul ins(%[[Q]], %[[W]]
  // CHECK-SAME: input_quant = #mpq.uniform<scale = 5.000000e-01, zero_point = 0>
  // CHECK-SAME: output_quant = #mpq.uniform<scale = 2.500000e-01, zero_point = 7>
  %ex = tensor.empty() : tensor<1x8xf32>
  %x = mpq.convert ins(%q : tensor<1x8xi8>) outs(%ex : tensor<1x8xf32>)
      {input_quant = #mpq.uniform<scale = 5.0e-01, zero_point = 0>} -> tensor<1x8xf32>
  %e = tensor.empty() : tensor<1x4xf32>
  %y = mpq.matmul ins(%x, %w : tensor<1x8xf32>, tensor<4x8xf32>) outs(%e : tensor<1x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<1x4xf32>
  %eq = tensor.empty() : tensor<1x4xi8>
  %yq = mpq.convert ins(%y : tensor<1x4xf32>) outs(%eq : tensor<1x4xi8>)
      {output_quant = #mpq.uniform<scale = 2.5e-01, zero_point = 7>} -> tensor<1x4xi8>
  return %yq : tensor<1x4xi8>
}

// A bias, a residual and a clamp in one map, on rows.
// CHECK-LABEL: @bias_and_residual
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<4x8xf32>, %[[B:.*]]: tensor<4xf32>, %[[R:[a-z0-9]+]]: tensor<?x4xf32>
func.func @bias_and_residual(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>, %r: tensor<?x4xf32>,
                             %e: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[Y:.*]] = mpq.matmul ins(%[[X]], %[[W]] {{.*}} bias(%[[B]] {{.*}} residual(%[[R]]
  // CHECK-SAME: clamp = #mpq.range<0.000000e+00, inf>
  // CHECK-NOT: mpq.map
  // CHECK: return %[[Y]]
  %0 = mpq.matmul ins(%x, %w : tensor<?x8xf32>, tensor<4x8xf32>) outs(%e : tensor<?x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<?x4xf32>
  %1 = mpq.map ins(%b, %0, %r : tensor<4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %z = arith.constant 0.0 : f32
    %t = arith.addf %p, %q : f32
    %u = arith.addf %t, %s : f32
    %m = arith.maximumf %u, %z : f32
    mpq.yield %m : f32
  } -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// Two products with a bias each: the later one takes the other as its residual, and the sum of the biases.
// CHECK-LABEL: @two_products
func.func @two_products(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>,
                        %e: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK: %[[FIRST:.*]] = mpq.matmul
  // CHECK-NOT: bias
  // CHECK: %[[SUM:.*]] = mpq.map ins(%{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>)
  // CHECK: mpq.matmul {{.*}} bias(%[[SUM]] {{.*}} residual(%[[FIRST]]
  %0 = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %1 = mpq.matmul ins(%x, %w : tensor<2x8xf32>, tensor<4x8xf32>) outs(%e : tensor<2x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<2x4xf32>
  %2 = mpq.map ins(%0, %b, %1, %c : tensor<2x4xf32>, tensor<4xf32>, tensor<2x4xf32>, tensor<4xf32>)
      outs(%e : tensor<2x4xf32>) {
  ^bb0(%p: f32, %q: f32, %r: f32, %s: f32):
    %t = arith.addf %p, %q : f32
    %u = arith.addf %r, %s : f32
    %v = arith.addf %t, %u : f32
    mpq.yield %v : f32
  } -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// A block of a network with static u8 activations is one convolution: the
// activation goes into it before the quantization does.
// CHECK-LABEL: @quantized_block
func.func @quantized_block(%x: tensor<1x4x8x8xi8>, %w: tensor<4x4x1x1xf32>, %r: tensor<1x4x8x8xi8>) -> tensor<1x4x8x8xi8> {
  // CHECK-NOT: mpq.convert
  // CHECK-NOT: mpq.map
  // CHECK: mpq.conv
  // CHECK-SAME: clamp = #mpq.range<0.000000e+00, inf>
  // CHECK-SAME: input_quant = #mpq.uniform<scale = 5.000000e-01
  // CHECK-SAME: output_quant = #mpq.uniform<scale = 1.250000e-01
  // CHECK-SAME: residual_quant = #mpq.uniform<scale = 2.500000e-01
  // CHECK-NOT: mpq.convert
  // CHECK-NOT: mpq.map
  // CHECK: return
  %e = tensor.empty() : tensor<1x4x8x8xf32>
  %c = tensor.empty() : tensor<1x4x8x8xi8>
  %dx = mpq.convert ins(%x : tensor<1x4x8x8xi8>) outs(%e : tensor<1x4x8x8xf32>)
      {input_quant = #mpq.uniform<scale = 0.5, zero_point = 3>} -> tensor<1x4x8x8xf32>
  %dr = mpq.convert ins(%r : tensor<1x4x8x8xi8>) outs(%e : tensor<1x4x8x8xf32>)
      {input_quant = #mpq.uniform<scale = 0.25, zero_point = 0>} -> tensor<1x4x8x8xf32>
  %0 = mpq.conv ins(%dx, %w : tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 4, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  %1 = mpq.map ins(%0, %dr : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) outs(%e : tensor<1x4x8x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %z = arith.constant 0.0 : f32
    %s = arith.addf %a, %b : f32
    %m = arith.maximumf %s, %z : f32
    mpq.yield %m : f32
  } -> tensor<1x4x8x8xf32>
  %2 = mpq.convert ins(%1 : tensor<1x4x8x8xf32>) outs(%c : tensor<1x4x8x8xi8>)
      {output_quant = #mpq.uniform<scale = 0.125, zero_point = 0>} -> tensor<1x4x8x8xi8>
  return %2 : tensor<1x4x8x8xi8>
}

// Rows of a product and tensors of the model differ in shape: quantizations move past that, on both sides.
// CHECK-LABEL: @reshaped_rows
// CHECK-SAME: (%[[Q:.*]]: tensor<1x?x8xi8>, %[[W:.*]]: tensor<4x8xf32>)
func.func @reshaped_rows(%q: tensor<1x?x8xi8>, %w: tensor<4x8xf32>) -> tensor<1x?x4xi8> {
  // CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[Q]] {{.*}} : tensor<1x?x8xi8> into tensor<?x8xi8>
  // CHECK: %[[Y:.*]] = mpq.matmul ins(%[[ROWS]], %[[W]]
  // CHECK-SAME: input_quant = #mpq.uniform<scale = 5.000000e-01, zero_point = 3>, output_quant = #mpq.uniform<scale = 2.500000e-01, zero_point = 7>
  // CHECK-SAME: -> tensor<?x4xi8>
  // CHECK: %[[R:.*]] = tensor.expand_shape %[[Y]]
  // CHECK-NOT: mpq.convert
  // CHECK: return %[[R]]
  %c1 = arith.constant 1 : index
  %d = tensor.dim %q, %c1 : tensor<1x?x8xi8>
  %e0 = tensor.empty(%d) : tensor<1x?x8xf32>
  %x = mpq.convert ins(%q : tensor<1x?x8xi8>) outs(%e0 : tensor<1x?x8xf32>) {input_quant = #mpq.uniform<scale = 0.5, zero_point = 3>}
      -> tensor<1x?x8xf32>
  %rows = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x?x8xf32> into tensor<?x8xf32>
  %e1 = tensor.empty(%d) : tensor<?x4xf32>
  %y = mpq.matmul ins(%rows, %w : tensor<?x8xf32>, tensor<4x8xf32>) outs(%e1 : tensor<?x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<?x4xf32>
  %r = tensor.expand_shape %y [[0, 1], [2]] output_shape [1, %d, 4] : tensor<?x4xf32> into tensor<1x?x4xf32>
  %e2 = tensor.empty(%d) : tensor<1x?x4xi8>
  %z = mpq.convert ins(%r : tensor<1x?x4xf32>) outs(%e2 : tensor<1x?x4xi8>) {output_quant = #mpq.uniform<scale = 0.25, zero_point = 7>}
      -> tensor<1x?x4xi8>
  return %z : tensor<1x?x4xi8>
}

// What is read in f32, too, stays as it is.
// CHECK-LABEL: @reshaped_two_readers
func.func @reshaped_two_readers(%x: tensor<6x8xf32>, %w: tensor<4x8xf32>) -> (tensor<2x3x4xi8>, tensor<2x3x4xf32>) {
  // CHECK: mpq.matmul
  // CHECK-NOT: output_quant
  // CHECK: tensor.expand_shape
  // CHECK: mpq.convert
  %e = tensor.empty() : tensor<6x4xf32>
  %y = mpq.matmul ins(%x, %w : tensor<6x8xf32>, tensor<4x8xf32>) outs(%e : tensor<6x4xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<6x4xf32>
  %r = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  %f = tensor.empty() : tensor<2x3x4xi8>
  %z = mpq.convert ins(%r : tensor<2x3x4xf32>) outs(%f : tensor<2x3x4xi8>) {output_quant = #mpq.uniform<scale = 0.25, zero_point = 7>}
      -> tensor<2x3x4xi8>
  return %z, %r : tensor<2x3x4xi8>, tensor<2x3x4xf32>
}

// Attention and normalization write codes; past a change of shape, too.
// CHECK-LABEL: @rows
func.func @rows(%x: tensor<1x?x32xf32>) -> (tensor<1x?x32xi8>, tensor<?x32xi8>) {
  // CHECK: %[[N:.*]] = mpq.normalize {{.*}} output_quant = #mpq.uniform<scale = 2.500000e-01, zero_point = 7>} -> tensor<1x?x32xi8>
  // CHECK: %[[A:.*]] = mpq.attention {{.*}} output_quant = #mpq.uniform<scale = 5.000000e-01, zero_point = 3>{{.*}} -> tensor<1x?x32xi8>
  // CHECK: %[[R:.*]] = tensor.collapse_shape %[[A]]
  // CHECK-NOT: mpq.convert
  // CHECK: return %[[N]], %[[R]]
  %c1 = arith.constant 1 : index
  %d = tensor.dim %x, %c1 : tensor<1x?x32xf32>
  %e = tensor.empty(%d) : tensor<1x?x32xf32>
  %0 = mpq.normalize ins(%x : tensor<1x?x32xf32>) outs(%e : tensor<1x?x32xf32>) {epsilon = 1.0e-05 : f32} -> tensor<1x?x32xf32>
  %f = tensor.empty(%d) : tensor<1x?x32xi8>
  %n = mpq.convert ins(%0 : tensor<1x?x32xf32>) outs(%f : tensor<1x?x32xi8>) {output_quant = #mpq.uniform<scale = 0.25, zero_point = 7>}
      -> tensor<1x?x32xi8>
  %1 = mpq.attention ins(%x, %x, %x : tensor<1x?x32xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>) outs(%e : tensor<1x?x32xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 16 : i64, value_size = 16 : i64, scale = 0.5 : f32} -> tensor<1x?x32xf32>
  %r = tensor.collapse_shape %1 [[0, 1], [2]] : tensor<1x?x32xf32> into tensor<?x32xf32>
  %g = tensor.empty(%d) : tensor<?x32xi8>
  %a = mpq.convert ins(%r : tensor<?x32xf32>) outs(%g : tensor<?x32xi8>) {output_quant = #mpq.uniform<scale = 0.5, zero_point = 3>}
      -> tensor<?x32xi8>
  return %n, %a : tensor<1x?x32xi8>, tensor<?x32xi8>
}

// Heads that fill no vector are converted afterwards, with whole rows.
// CHECK-LABEL: @small_heads
func.func @small_heads(%x: tensor<3x16xf32>) -> tensor<3x16xi8> {
  // CHECK: mpq.attention
  // CHECK-NOT: output_quant
  // CHECK-SAME: -> tensor<3x16xf32>
  // CHECK: mpq.convert
  %e = tensor.empty() : tensor<3x16xf32>
  %0 = mpq.attention ins(%x, %x, %x : tensor<3x16xf32>, tensor<3x16xf32>, tensor<3x16xf32>) outs(%e : tensor<3x16xf32>)
      {heads = 2 : i64, kv_heads = 2 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 0.5 : f32} -> tensor<3x16xf32>
  %f = tensor.empty() : tensor<3x16xi8>
  %1 = mpq.convert ins(%0 : tensor<3x16xf32>) outs(%f : tensor<3x16xi8>) {output_quant = #mpq.uniform<scale = 0.5, zero_point = 3>}
      -> tensor<3x16xi8>
  return %1 : tensor<3x16xi8>
}

// A residual that reads the same rows keeps them in f32.
// CHECK-LABEL: @rows_with_two_readers
func.func @rows_with_two_readers(%x: tensor<3x8xf32>) -> (tensor<3x8xi8>, tensor<3x8xf32>) {
  // CHECK: mpq.normalize
  // CHECK-NOT: output_quant
  // CHECK-SAME: -> tensor<3x8xf32>
  // CHECK: mpq.convert
  %e = tensor.empty() : tensor<3x8xf32>
  %0 = mpq.normalize ins(%x : tensor<3x8xf32>) outs(%e : tensor<3x8xf32>) {epsilon = 1.0e-05 : f32} -> tensor<3x8xf32>
  %f = tensor.empty() : tensor<3x8xi8>
  %1 = mpq.convert ins(%0 : tensor<3x8xf32>) outs(%f : tensor<3x8xi8>) {output_quant = #mpq.uniform<scale = 0.25, zero_point = 7>}
      -> tensor<3x8xi8>
  return %1, %0 : tensor<3x8xi8>, tensor<3x8xf32>
}
