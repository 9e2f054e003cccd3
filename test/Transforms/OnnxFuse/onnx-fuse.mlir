// Pieces of normalizations, rotations and attentions become one op each.
// RUN: quant-opt %s --mpq-onnx-fuse | FileCheck %s

// CHECK-LABEL: @rms_normalization
// CHECK-SAME: (%[[X:.*]]: tensor<1x3x8xf32>)
func.func @rms_normalization(%x: tensor<1x3x8xf32>) -> tensor<1x3x8xf32> {
  // CHECK: %[[W:.*]] = onnx.Constant {value = dense<2.000000e+00> : tensor<8xf32>}
  // CHECK-NEXT: %[[Y:.*]] = onnx.RMSNormalization(%[[X]], %[[W]]) {axis = -1, epsilon = 9.99999974E-6}
  // CHECK-NEXT: return %[[Y]]
  %axes = onnx.Constant {value = dense<-1> : tensor<1xi64>} : tensor<1xi64>
  %eps = onnx.Constant {value = dense<1.0e-5> : tensor<1xf32>} : tensor<1xf32>
  %w = onnx.Constant {value = dense<2.0> : tensor<8xf32>} : tensor<8xf32>
  %0 = onnx.Mul(%x, %x) : (tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) {keepdims = 1} : (tensor<1x3x8xf32>, tensor<1xi64>) -> tensor<1x3x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<1x3x1xf32>, tensor<1xf32>) -> tensor<1x3x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<1x3x1xf32>) -> tensor<1x3x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<1x3x8xf32>, tensor<1x3x1xf32>) -> tensor<1x3x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<1x3x8xf32>, tensor<8xf32>) -> tensor<1x3x8xf32>
  return %5 : tensor<1x3x8xf32>
}

// A mean over another dimension is something else.
// CHECK-LABEL: @mean_over_rows
func.func @mean_over_rows(%x: tensor<1x3x8xf32>) -> tensor<1x3x8xf32> {
  // CHECK-NOT: onnx.RMSNormalization
  // CHECK: onnx.Sqrt
  %axes = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %eps = onnx.Constant {value = dense<1.0e-5> : tensor<1xf32>} : tensor<1xf32>
  %w = onnx.Constant {value = dense<2.0> : tensor<8xf32>} : tensor<8xf32>
  %0 = onnx.Mul(%x, %x) : (tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) {keepdims = 1} : (tensor<1x3x8xf32>, tensor<1xi64>) -> tensor<1x1x8xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<1x1x8xf32>, tensor<1xf32>) -> tensor<1x1x8xf32>
  %3 = onnx.Sqrt(%2) : (tensor<1x1x8xf32>) -> tensor<1x1x8xf32>
  %4 = onnx.Div(%x, %3) : (tensor<1x3x8xf32>, tensor<1x1x8xf32>) -> tensor<1x3x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<1x3x8xf32>, tensor<8xf32>) -> tensor<1x3x8xf32>
  return %5 : tensor<1x3x8xf32>
}

// The square is a Pow, operands stand in the other order.
// CHECK-LABEL: @layer_normalization
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
func.func @layer_normalization(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: onnx.LayerNormalization(%[[X]], %{{.*}}, %{{.*}}) {axis = -1, epsilon = 9.99999997E-7}
  // CHECK-NOT: onnx.ReduceMean
  %axes = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %eps = onnx.Constant {value = dense<1.0e-6> : tensor<f32>} : tensor<f32>
  %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : tensor<f32>
  %w = onnx.Constant {value = dense<3.0> : tensor<8xf32>} : tensor<8xf32>
  %b = onnx.Constant {value = dense<4.0> : tensor<8xf32>} : tensor<8xf32>
  %0 = onnx.ReduceMean(%x, %axes) {keepdims = 1} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %1 = onnx.Sub(%x, %0) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %2 = onnx.Pow(%1, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %3 = onnx.ReduceMean(%2, %axes) {keepdims = 1} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %4 = onnx.Add(%eps, %3) : (tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %5 = onnx.Sqrt(%4) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %6 = onnx.Div(%1, %5) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %7 = onnx.Mul(%w, %6) : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %8 = onnx.Add(%b, %7) : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %8 : tensor<?x8xf32>
}

// Grouped heads, a rotation of the queries, a causal mask.
// CHECK-LABEL: @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<1x3x8xf32>, %[[K:.*]]: tensor<1x3x4xf32>, %[[V:.*]]: tensor<1x3x4xf32>)
func.func @attention(%q: tensor<1x3x8xf32>, %k: tensor<1x3x4xf32>, %v: tensor<1x3x4xf32>) -> tensor<1x3x8xf32> {
  // CHECK: %[[COS:.*]] = onnx.Constant {{.*}} : tensor<1x3x2xf32>
  // CHECK: %[[SIN:.*]] = onnx.Constant {{.*}} : tensor<1x3x2xf32>
  // CHECK: %[[R:.*]] = onnx.RotaryEmbedding(%[[Q]], %[[COS]], %[[SIN]]) {num_heads = 2}
  // CHECK-NEXT: %[[Y:.*]] = onnx.Attention(%[[R]], %[[K]], %[[V]])
  // CHECK-SAME: {is_causal = 1, kv_num_heads = 1, q_num_heads = 2, scale = 5.000000e-01}
  // CHECK-NEXT: return %[[Y]]
  %qs = onnx.Constant {value = dense<[1, 3, 2, 4]> : tensor<4xi64>} : tensor<4xi64>
  %ks = onnx.Constant {value = dense<[1, 3, 1, 4]> : tensor<4xi64>} : tensor<4xi64>
  %ys = onnx.Constant {value = dense<[1, 3, 8]> : tensor<3xi64>} : tensor<3xi64>
  %cos = onnx.Constant {value = dense<0.5> : tensor<1x1x3x4xf32>} : tensor<1x1x3x4xf32>
  %sin = onnx.Constant {value = dense<0.25> : tensor<1x1x3x4xf32>} : tensor<1x1x3x4xf32>
  %mask = onnx.Constant {value = dense<[[0.0, -1.0e9, -1.0e9], [0.0, 0.0, -1.0e9], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>} : tensor<3x3xf32>
  %repeat = onnx.Constant {value = dense<0> : tensor<2xi64>} : tensor<2xi64>
  %scale = onnx.Constant {value = dense<0.5> : tensor<1xf32>} : tensor<1xf32>
  %none = onnx.Constant {value = dense<0> : tensor<1xi64>} : tensor<1xi64>
  %half = onnx.Constant {value = dense<2> : tensor<1xi64>} : tensor<1xi64>
  %all = onnx.Constant {value = dense<4> : tensor<1xi64>} : tensor<1xi64>
  %last = onnx.Constant {value = dense<3> : tensor<1xi64>} : tensor<1xi64>
  %0 = onnx.Reshape(%q, %qs) : (tensor<1x3x8xf32>, tensor<4xi64>) -> tensor<1x3x2x4xf32>
  %1 = onnx.Transpose(%0) {perm = [0, 2, 1, 3]} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %2 = onnx.Slice(%1, %none, %half, %last) : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %3 = onnx.Slice(%1, %half, %all, %last) : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %4 = onnx.Neg(%3) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
  %5 = onnx.Concat(%4, %2) {axis = -1} : (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x2x3x4xf32>
  %6 = onnx.Mul(%1, %cos) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %7 = onnx.Mul(%5, %sin) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %8 = onnx.Add(%6, %7) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %9 = onnx.Reshape(%k, %ks) : (tensor<1x3x4xf32>, tensor<4xi64>) -> tensor<1x3x1x4xf32>
  %10 = onnx.Transpose(%9) {perm = [0, 2, 1, 3]} : (tensor<1x3x1x4xf32>) -> tensor<1x1x3x4xf32>
  %11 = onnx.Gather(%10, %repeat) {axis = 1} : (tensor<1x1x3x4xf32>, tensor<2xi64>) -> tensor<1x2x3x4xf32>
  %12 = onnx.Transpose(%11) {perm = [0, 1, 3, 2]} : (tensor<1x2x3x4xf32>) -> tensor<1x2x4x3xf32>
  %13 = onnx.MatMul(%8, %12) : (tensor<1x2x3x4xf32>, tensor<1x2x4x3xf32>) -> tensor<1x2x3x3xf32>
  %14 = onnx.Mul(%13, %scale) : (tensor<1x2x3x3xf32>, tensor<1xf32>) -> tensor<1x2x3x3xf32>
  %15 = onnx.Add(%14, %mask) : (tensor<1x2x3x3xf32>, tensor<3x3xf32>) -> tensor<1x2x3x3xf32>
  %16 = onnx.Softmax(%15) {axis = -1} : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %17 = onnx.Reshape(%v, %ks) : (tensor<1x3x4xf32>, tensor<4xi64>) -> tensor<1x3x1x4xf32>
  %18 = onnx.Transpose(%17) {perm = [0, 2, 1, 3]} : (tensor<1x3x1x4xf32>) -> tensor<1x1x3x4xf32>
  %19 = onnx.Gather(%18, %repeat) {axis = 1} : (tensor<1x1x3x4xf32>, tensor<2xi64>) -> tensor<1x2x3x4xf32>
  %20 = onnx.MatMul(%16, %19) : (tensor<1x2x3x3xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %21 = onnx.Transpose(%20) {perm = [0, 2, 1, 3]} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %22 = onnx.Reshape(%21, %ys) : (tensor<1x3x2x4xf32>, tensor<3xi64>) -> tensor<1x3x8xf32>
  return %22 : tensor<1x3x8xf32>
}

// A mask that is no triangle stays one; the scale is on the queries; keys are transposed at once.
// CHECK-LABEL: @masked_attention
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x8xf32>, %[[M:.*]]: tensor<1x1x1x?xf32>
func.func @masked_attention(%x: tensor<1x?x8xf32>, %m: tensor<1x1x1x?xf32>, %s: tensor<4xi64>, %ys: tensor<3xi64>) -> tensor<1x?x8xf32> {
  // CHECK: onnx.Attention(%[[X]], %[[X]], %[[X]], %[[M]]) {kv_num_heads = 2, q_num_heads = 2, scale = 2.500000e-01}
  // CHECK-NOT: onnx.Softmax
  %four = onnx.Constant {value = dense<4.0> : tensor<f32>} : tensor<f32>
  %0 = onnx.Reshape(%x, %s) : (tensor<1x?x8xf32>, tensor<4xi64>) -> tensor<1x?x2x4xf32>
  %1 = onnx.Transpose(%0) {perm = [0, 2, 1, 3]} : (tensor<1x?x2x4xf32>) -> tensor<1x2x?x4xf32>
  %2 = onnx.Div(%1, %four) : (tensor<1x2x?x4xf32>, tensor<f32>) -> tensor<1x2x?x4xf32>
  %3 = onnx.Transpose(%0) {perm = [0, 2, 3, 1]} : (tensor<1x?x2x4xf32>) -> tensor<1x2x4x?xf32>
  %4 = onnx.MatMul(%2, %3) : (tensor<1x2x?x4xf32>, tensor<1x2x4x?xf32>) -> tensor<1x2x?x?xf32>
  %5 = onnx.Add(%m, %4) : (tensor<1x1x1x?xf32>, tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %6 = onnx.Softmax(%5) {axis = 3} : (tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %7 = onnx.MatMul(%6, %1) : (tensor<1x2x?x?xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  %8 = onnx.Transpose(%7) {perm = [0, 2, 1, 3]} : (tensor<1x2x?x4xf32>) -> tensor<1x?x2x4xf32>
  %9 = onnx.Reshape(%8, %ys) : (tensor<1x?x2x4xf32>, tensor<3xi64>) -> tensor<1x?x8xf32>
  return %9 : tensor<1x?x8xf32>
}

// Scale and shift of features between transposes.
// CHECK-LABEL: @transposed_affine
// CHECK-SAME: (%[[X:.*]]: tensor<1x3x2xf32>)
func.func @transposed_affine(%x: tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  // CHECK: %[[S:.*]] = onnx.Constant {value = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>}
  // CHECK: %[[P:.*]] = onnx.Mul(%[[X]], %[[S]])
  // CHECK: %[[B:.*]] = onnx.Constant {value = dense<[3.000000e+00, 4.000000e+00]> : tensor<2xf32>}
  // CHECK: onnx.Add(%[[P]], %[[B]])
  // CHECK-NOT: onnx.Transpose
  %s = onnx.Constant {value = dense<[[1.0], [2.0]]> : tensor<2x1xf32>} : tensor<2x1xf32>
  %b = onnx.Constant {value = dense<[[3.0], [4.0]]> : tensor<2x1xf32>} : tensor<2x1xf32>
  %0 = onnx.Transpose(%x) {perm = [0, 2, 1]} : (tensor<1x3x2xf32>) -> tensor<1x2x3xf32>
  %1 = onnx.Mul(%0, %s) : (tensor<1x2x3xf32>, tensor<2x1xf32>) -> tensor<1x2x3xf32>
  %2 = onnx.Add(%1, %b) : (tensor<1x2x3xf32>, tensor<2x1xf32>) -> tensor<1x2x3xf32>
  %3 = onnx.Transpose(%2) {perm = [0, 2, 1]} : (tensor<1x2x3xf32>) -> tensor<1x3x2xf32>
  return %3 : tensor<1x3x2xf32>
}
