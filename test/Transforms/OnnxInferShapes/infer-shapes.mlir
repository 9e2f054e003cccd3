// Types become as static as arguments and constants allow.
// RUN: quant-opt %s --split-input-file --mpq-onnx-infer-shapes | FileCheck %s

// Dynamic sizes stay; the function's type follows.
// CHECK-LABEL: func @conv
// CHECK-SAME: -> tensor<?x16x16x16xf32>
func.func @conv(%x: tensor<?x3x32x32xf32>, %w: tensor<16x3x3x3xf32>) -> tensor<*xf32> {
  %0 = onnx.Conv(%x, %w) {pads = [1, 1, 1, 1], strides = [2, 2]} : (tensor<?x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// CHECK-LABEL: func @same_upper
// CHECK-SAME: -> tensor<1x4x16x16xf32>
func.func @same_upper(%x: tensor<1x3x31x32xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<*xf32> {
  %0 = onnx.Conv(%x, %w) {auto_pad = "SAME_UPPER", strides = [2, 2]} : (tensor<1x3x31x32xf32>, tensor<4x3x3x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// A last window may be partial with ceil_mode.
// CHECK-LABEL: func @pool
func.func @pool(%x: tensor<1x3x6x6xf32>) -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) {
  // CHECK: onnx.MaxPool{{.*}} -> tensor<1x3x2x2xf32>
  %0 = onnx.MaxPool(%x) {kernel_shape = [3, 3], strides = [2, 2]} : (tensor<1x3x6x6xf32>) -> tensor<*xf32>
  // CHECK: onnx.MaxPool{{.*}} -> tensor<1x3x3x3xf32>
  %1 = onnx.MaxPool(%x) {ceil_mode = 1, kernel_shape = [3, 3], strides = [2, 2]} : (tensor<1x3x6x6xf32>) -> tensor<*xf32>
  // CHECK: onnx.GlobalAveragePool{{.*}} -> tensor<1x3x1x1xf32>
  %2 = onnx.GlobalAveragePool(%x) : (tensor<1x3x6x6xf32>) -> tensor<*xf32>
  return %0, %1, %2 : tensor<*xf32>, tensor<*xf32>, tensor<*xf32>
}

// -----

// CHECK-LABEL: func @broadcast
// CHECK-SAME: -> tensor<?x5x4xf32>
func.func @broadcast(%x: tensor<?x1x4xf32>, %y: tensor<5x1xf32>) -> tensor<*xf32> {
  %0 = onnx.Add(%x, %y) : (tensor<?x1x4xf32>, tensor<5x1xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// x.view(x.size(0), 64), as PyTorch exports it.
// CHECK-LABEL: func @shape_arithmetic
// CHECK-SAME: -> tensor<?x64xf32>
func.func @shape_arithmetic(%x: tensor<?x16x2x2xf32>) -> tensor<*xf32> {
  %zero = onnx.Constant {value = dense<0> : tensor<i64>} : tensor<i64>
  %axes = onnx.Constant {value = dense<0> : tensor<1xi64>} : tensor<1xi64>
  %c = onnx.Constant {value = dense<64> : tensor<1xi64>} : tensor<1xi64>
  %s = onnx.Shape(%x) : (tensor<?x16x2x2xf32>) -> tensor<*xi64>
  %n = onnx.Gather(%s, %zero) : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %u = onnx.Unsqueeze(%n, %axes) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %t = onnx.Concat(%u, %c) {axis = 0} : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %y = onnx.Reshape(%x, %t) : (tensor<?x16x2x2xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// CHECK-LABEL: func @matmul
func.func @matmul(%a: tensor<?x4x2x3xf32>, %b: tensor<4x3x5xf32>, %v: tensor<3xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  // CHECK: onnx.MatMul{{.*}} -> tensor<?x4x2x5xf32>
  %0 = onnx.MatMul(%a, %b) : (tensor<?x4x2x3xf32>, tensor<4x3x5xf32>) -> tensor<*xf32>
  // CHECK: onnx.MatMul{{.*}} -> tensor<?x4x2xf32>
  %1 = onnx.MatMul(%a, %v) : (tensor<?x4x2x3xf32>, tensor<3xf32>) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// Bounds beyond the end, from the end, and backwards.
// CHECK-LABEL: func @slice
func.func @slice(%x: tensor<10x8xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  %starts = onnx.Constant {value = dense<[2, -3]> : tensor<2xi64>} : tensor<2xi64>
  %ends = onnx.Constant {value = dense<[9223372036854775807, 8]> : tensor<2xi64>} : tensor<2xi64>
  // CHECK: onnx.Slice{{.*}} -> tensor<8x3xf32>
  %0 = onnx.Slice(%x, %starts, %ends) : (tensor<10x8xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<*xf32>
  %last = onnx.Constant {value = dense<-1> : tensor<1xi64>} : tensor<1xi64>
  %first = onnx.Constant {value = dense<-9223372036854775808> : tensor<1xi64>} : tensor<1xi64>
  %axis = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %step = onnx.Constant {value = dense<-2> : tensor<1xi64>} : tensor<1xi64>
  // CHECK: onnx.Slice{{.*}} -> tensor<10x4xf32>
  %1 = onnx.Slice(%x, %last, %first, %axis, %step) : (tensor<10x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xf32>
  return %0, %1 : tensor<*xf32>, tensor<*xf32>
}
