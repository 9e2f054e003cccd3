// The syntax that all ops of the dialect share.
// RUN: quant-opt %s --split-input-file --verify-roundtrip | FileCheck %s

// Attributes are written without types: the schema says them.
// CHECK-LABEL: func @attributes
func.func @attributes(%x: tensor<?x3x32x32xf32>, %w: tensor<16x3x3x3xf32>) -> tensor<?x16x32x32xf32> {
  // CHECK: onnx.Conv(%{{.*}}, %{{.*}}) {auto_pad = "NOTSET", group = 1, kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<?x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<?x16x32x32xf32>
  %0 = onnx.Conv(%x, %w) {auto_pad = "NOTSET", group = 1, kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<?x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<?x16x32x32xf32>
  return %0 : tensor<?x16x32x32xf32>
}

// -----

// CHECK-LABEL: func @floats
func.func @floats(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: onnx.LeakyRelu(%{{.*}}) {alpha = 0.00999999977} :
  %0 = onnx.LeakyRelu(%x) {alpha = 0.00999999977} : (tensor<4xf32>) -> tensor<4xf32>
  // Infinity and what no decimal says exactly survive as bits.
  // CHECK: onnx.LeakyRelu(%{{.*}}) {alpha = 0x7F800000} :
  %1 = onnx.LeakyRelu(%0) {alpha = 0x7F800000} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// An optional operand may be missing in the middle, or at the end.
// CHECK-LABEL: func @missing_operand
func.func @missing_operand(%x: tensor<4xf32>, %b: tensor<f32>) -> tensor<4xf32> {
  // CHECK: onnx.Clip(%{{.*}}, _, %{{.*}}) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %0 = onnx.Clip(%x, _, %b) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  // CHECK: onnx.Clip(%{{.*}}, %{{.*}}) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Clip(%0, %b) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// A result, too.
// CHECK-LABEL: func @missing_result
func.func @missing_result(%x: tensor<2x1x4xf32>, %w: tensor<1x12x4xf32>, %r: tensor<1x12x3xf32>) -> tensor<1x1x3xf32> {
  // CHECK: onnx.LSTM(%{{.*}}, %{{.*}}, %{{.*}}) {hidden_size = 3} : (tensor<2x1x4xf32>, tensor<1x12x4xf32>, tensor<1x12x3xf32>) -> (_, tensor<1x1x3xf32>)
  %0, %1 = onnx.LSTM(%x, %w, %r) {hidden_size = 3} : (tensor<2x1x4xf32>, tensor<1x12x4xf32>, tensor<1x12x3xf32>) -> (tensor<2x1x1x3xf32>, tensor<1x1x3xf32>)
  %2 = onnx.LSTM(%x, %w, %r) {hidden_size = 3} : (tensor<2x1x4xf32>, tensor<1x12x4xf32>, tensor<1x12x3xf32>) -> (_, tensor<1x1x3xf32>)
  return %2 : tensor<1x1x3xf32>
}

// -----

// No operands, no arrow.
// CHECK-LABEL: func @constant
func.func @constant() -> tensor<2xi64> {
  // CHECK: onnx.Constant {value = dense<[1, 2]> : tensor<2xi64>} : tensor<2xi64>
  %0 = onnx.Constant {value = dense<[1, 2]> : tensor<2xi64>} : tensor<2xi64>
  return %0 : tensor<2xi64>
}

// -----

// Variadic operands and results; attributes of others keep MLIR's own syntax.
// CHECK-LABEL: func @variadic
func.func @variadic(%x: tensor<2x4xf32>) -> tensor<2x8xf32> {
  // CHECK: onnx.Split(%{{.*}}) {axis = 1, num_outputs = 2} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  %0:2 = onnx.Split(%x) {axis = 1, num_outputs = 2} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  // CHECK: onnx.Concat(%{{.*}}, %{{.*}}, %{{.*}}) {axis = 1, note.count = 3 : i32, note.unit} :
  %1 = onnx.Concat(%0#0, %0#1, %x) {axis = 1, note.count = 3 : i32, note.unit} : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}

// -----

// The importer rejects subgraphs, so far; they have a syntax.
// CHECK-LABEL: func @region
func.func @region(%c: tensor<i1>) -> tensor<f32> {
  // CHECK: onnx.If(%{{.*}}) ({
  // CHECK: }, {
  // CHECK: }) : (tensor<i1>) -> tensor<f32>
  %0 = onnx.If(%c) ({}, {}) : (tensor<i1>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// CHECK-LABEL: func @types
// CHECK-SAME: tensor<2x!onnx.string>, %{{.*}}: !onnx.seq<tensor<?xf32>>, %{{.*}}: !onnx.opt<tensor<?xf32>>
func.func @types(%s: tensor<2x!onnx.string>, %l: !onnx.seq<tensor<?xf32>>, %o: !onnx.opt<tensor<?xf32>>) -> tensor<i64> {
  // CHECK: onnx.SequenceLength(%{{.*}}) : (!onnx.seq<tensor<?xf32>>) -> tensor<i64>
  %0 = onnx.SequenceLength(%l) : (!onnx.seq<tensor<?xf32>>) -> tensor<i64>
  return %0 : tensor<i64>
}
