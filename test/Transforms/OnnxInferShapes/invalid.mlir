// Operands that contradict each other: the error names the op and both values.
// RUN: quant-opt %s --split-input-file --mpq-onnx-infer-shapes --verify-diagnostics

func.func @unsupported(%x: tensor<4x4xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Det' op is not supported: no family of ops implements its shape inference}}
  %0 = onnx.Det(%x) : (tensor<4x4xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @broadcast(%x: tensor<4x3xf32>, %y: tensor<4xf32>) -> tensor<*xf32> {
  // expected-error @below {{'onnx.Add' op cannot broadcast [4] to [4, 3]: sizes 4 and 3}}
  %0 = onnx.Add(%x, %y) : (tensor<4x3xf32>, tensor<4xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @conv_channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{the number of channels is 3 when it should be that of the weights times group, 2}}
  %0 = onnx.Conv(%x, %w) : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @conv_pads(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{has 2 pads when it should be 4 for 2 spatial dimensions}}
  %0 = onnx.Conv(%x, %w) {pads = [1, 1]} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @conv_window(%x: tensor<1x3x2x2xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{has a window of 3 when the padded dimension 0 has 2}}
  %0 = onnx.Conv(%x, %w) : (tensor<1x3x2x2xf32>, tensor<4x3x3x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @matmul(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) -> tensor<*xf32> {
  // expected-error @below {{the number of columns of 'A' is 3 when it should be the number of rows of 'B', 4}}
  %0 = onnx.MatMul(%a, %b) : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @gemm_rank(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) -> tensor<*xf32> {
  // expected-error @below {{operand 'A' has rank 3 when it should be 2}}
  %0 = onnx.Gemm(%a, %b) : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @axis(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{has axis 2 when the rank is 2}}
  %0 = onnx.Softmax(%x) {axis = 2} : (tensor<2x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @permutation(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  // expected-error @below {{has axis 0 twice}}
  %0 = onnx.Transpose(%x) {perm = [0, 0]} : (tensor<2x3xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @reshape(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  %s = onnx.Constant {value = dense<[4, -1]> : tensor<2xi64>} : tensor<2xi64>
  // expected-error @below {{has 6 elements, no multiple of 4, the known part of operand 'shape'}}
  %0 = onnx.Reshape(%x, %s) : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @gather(%x: tensor<2x3xf32>) -> tensor<*xf32> {
  %i = onnx.Constant {value = dense<3> : tensor<i64>} : tensor<i64>
  // expected-error @below {{has index 3 into an axis of size 2}}
  %0 = onnx.Gather(%x, %i) : (tensor<2x3xf32>, tensor<i64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// What the model declares does not hold.
// expected-warning @below {{result 0 is declared with shape [1, 12] but has type 'tensor<1x10xf32>'}}
func.func @declared(%x: tensor<1x10xf32>) -> (tensor<*xf32> {onnx.shape = array<i64: 1, 12>}) {
  %0 = onnx.Relu(%x) : (tensor<1x10xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}
