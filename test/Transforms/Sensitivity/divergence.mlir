// Which divergence is measured where none is named: what the end of the graph shows.
// REQUIRES: numpy
// RUN: %python -c "import sys, numpy as np; np.savez(sys.argv[1], x=np.random.RandomState(0).randn(8, 4).astype('f4'))" %t.npz
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{formats=int4},mpq-sensitivity{data=%t.npz})' | FileCheck %s

// Scores of classes, as far as one can tell.
// CHECK-LABEL: @main
// CHECK: metric = "kl"
func.func @main(%x: tensor<1x4xf32> {onnx.name = "x"}) -> tensor<1x2xf32> {
  %w = onnx.Constant {value = dense<[[3.0, 2.0], [-1.0, 0.5], [1.0, 0.2], [2.0, 0.4]]> : tensor<4x2xf32>} : tensor<4x2xf32> loc("w")
  %0 = onnx.MatMul(%x, %w) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// One number has no distribution.
// CHECK-LABEL: @main
// CHECK: metric = "mse"
func.func @main(%x: tensor<1x4xf32> {onnx.name = "x"}) -> tensor<1x1xf32> {
  %w = onnx.Constant {value = dense<[[3.0], [-1.0], [1.0], [2.0]]> : tensor<4x1xf32>} : tensor<4x1xf32> loc("w")
  %0 = onnx.MatMul(%x, %w) : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// -----

// Unit vectors by way of a sum of squares that is kept away from zero.
// CHECK-LABEL: @main
// CHECK: metric = "similarity"
func.func @main(%x: tensor<1x4xf32> {onnx.name = "x"}) -> tensor<1x2xf32> {
  %w = onnx.Constant {value = dense<[[3.0, 2.0], [-1.0, 0.5], [1.0, 0.2], [2.0, 0.4]]> : tensor<4x2xf32>} : tensor<4x2xf32> loc("w")
  %0 = onnx.MatMul(%x, %w) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %two = onnx.Constant {value = dense<2.0> : tensor<f32>} : tensor<f32>
  %1 = onnx.Pow(%0, %two) : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %axes = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %2 = onnx.ReduceSum(%1, %axes) {keepdims = 1} : (tensor<1x2xf32>, tensor<1xi64>) -> tensor<1x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<1x1xf32>) -> tensor<1x1xf32>
  %eps = onnx.Constant {value = dense<1.0e-12> : tensor<f32>} : tensor<f32>
  %4 = onnx.Max(%eps, %3) : (tensor<f32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %5 = onnx.Div(%0, %4) : (tensor<1x2xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  return %5 : tensor<1x2xf32>
}

// -----

// Divided by the sum of squares, not its root.
// CHECK-LABEL: @main
// CHECK: metric = "kl"
func.func @main(%x: tensor<1x4xf32> {onnx.name = "x"}) -> tensor<1x2xf32> {
  %w = onnx.Constant {value = dense<[[3.0, 2.0], [-1.0, 0.5], [1.0, 0.2], [2.0, 0.4]]> : tensor<4x2xf32>} : tensor<4x2xf32> loc("w")
  %0 = onnx.MatMul(%x, %w) : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %1 = onnx.Mul(%0, %0) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %axes = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %2 = onnx.ReduceSum(%1, %axes) {keepdims = 1} : (tensor<1x2xf32>, tensor<1xi64>) -> tensor<1x1xf32>
  %3 = onnx.Div(%0, %2) : (tensor<1x2xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  return %3 : tensor<1x2xf32>
}
