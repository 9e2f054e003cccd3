// A batch of independent samples becomes one sample.
// RUN: quant-opt %s --split-input-file --mpq-onnx-sample | FileCheck %s

// The model's own shape stays on the interface.
// CHECK-LABEL: func @conv
// CHECK-SAME: tensor<1x3x8x8xf32> {onnx.shape = array<i64: -1, 3, 8, 8>}) -> tensor<1x4x8x8xf32>
// CHECK-SAME: attributes {mpq.sample_parallel}
func.func @conv(%x: tensor<?x3x8x8xf32> {onnx.shape = array<i64: -1, 3, 8, 8>}) -> tensor<*xf32> {
  %w = onnx.Constant {value = dense<1.0> : tensor<4x3x1x1xf32>} : tensor<4x3x1x1xf32>
  %0 = onnx.Conv(%x, %w) : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<*xf32>
  %b = onnx.Constant {value = dense<1.0> : tensor<4x1x1xf32>} : tensor<4x1x1xf32>
  %1 = onnx.Add(%0, %b) : (tensor<*xf32>, tensor<4x1x1xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// The batch size may be used to make shapes: x.view(x.size(0), -1).
// CHECK-LABEL: func @view
// CHECK-SAME: -> tensor<1x64xf32> attributes {mpq.sample_parallel}
func.func @view(%x: tensor<?x16x2x2xf32>) -> tensor<*xf32> {
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : tensor<1xi64>
  %rest = onnx.Constant {value = dense<-1> : tensor<1xi64>} : tensor<1xi64>
  %s = onnx.Shape(%x) : (tensor<?x16x2x2xf32>) -> tensor<*xi64>
  %n = onnx.Gather(%s, %zero) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %t = onnx.Concat(%n, %rest) {axis = 0} : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %y = onnx.Reshape(%x, %t) : (tensor<?x16x2x2xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// A class token, repeated for every sample.
// CHECK-LABEL: func @class_token
// CHECK-SAME: -> tensor<1x5x8xf32> attributes {mpq.sample_parallel}
func.func @class_token(%x: tensor<?x4x8xf32>) -> tensor<*xf32> {
  %token = onnx.Constant {value = dense<1.0> : tensor<1x1x8xf32>} : tensor<1x1x8xf32>
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : tensor<1xi64>
  %rest = onnx.Constant {value = dense<1> : tensor<2xi64>} : tensor<2xi64>
  %s = onnx.Shape(%x) : (tensor<?x4x8xf32>) -> tensor<*xi64>
  %n = onnx.Gather(%s, %zero) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %t = onnx.Concat(%n, %rest) {axis = 0} : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  %e = onnx.Expand(%token, %t) : (tensor<1x1x8xf32>, tensor<*xi64>) -> tensor<*xf32>
  %y = onnx.Concat(%e, %x) {axis = 1} : (tensor<*xf32>, tensor<?x4x8xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// Other dynamic dimensions stay. Those of one name are one symbol; a result's are named by what they are, and what an
// op needs of them is noted.
// CHECK-DAG: #[[OUT:.*]] = affine_map<()[s0] -> (1, s0 * 4)>
// CHECK-DAG: #[[SET:.*]] = affine_set<()[s0] : (-s0 + 16 >= 0)>
// CHECK-LABEL: func @length
// CHECK-SAME: tensor<1x?x4xf32> {mpq.sizes = affine_map<()[s0] -> (1, s0, 4)>, onnx.dims = ["B", "T", ""]}
// CHECK-SAME: -> (tensor<1x?xf32> {mpq.result, mpq.sizes = #[[OUT]], onnx.dims = ["B", "T * 4"]})
// CHECK-SAME: mpq.requirements = {{\[\[}}#[[SET]], "positions"]]
// CHECK-SAME: mpq.sample_parallel, mpq.symbols = ["T"]
func.func @length(%x: tensor<?x?x4xf32> {onnx.dims = ["B", "T", ""]}) -> tensor<*xf32> {
  %table = onnx.Constant {value = dense<1.0> : tensor<16x4xf32>} : tensor<16x4xf32>
  %zero = onnx.Constant {value = dense<0> : tensor<1xi64>} : tensor<1xi64>
  %one = onnx.Constant {value = dense<1> : tensor<1xi64>} : tensor<1xi64>
  %two = onnx.Constant {value = dense<2> : tensor<1xi64>} : tensor<1xi64>
  %s = onnx.Shape(%x) : (tensor<?x?x4xf32>) -> tensor<*xi64>
  %t = onnx.Slice(%s, %one, %two) : (tensor<*xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<*xi64>
  %p = onnx.Slice(%table, %zero, %t, %zero) : (tensor<16x4xf32>, tensor<1xi64>, tensor<*xi64>, tensor<1xi64>) -> tensor<*xf32> loc("positions")
  %y = onnx.Add(%x, %p) : (tensor<?x?x4xf32>, tensor<*xf32>) -> tensor<*xf32>
  %shape = onnx.Constant {value = dense<[0, -1]> : tensor<2xi64>} : tensor<2xi64>
  %r = onnx.Reshape(%y, %shape) : (tensor<*xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}
