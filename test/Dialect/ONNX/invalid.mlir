// Every diagnostic of the shared parser and verifier.
// RUN: quant-opt %s --split-input-file --verify-diagnostics

func.func @element_type(%x: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @below {{operand 'X' has type 'tensor<4xi32>' when its element type should be one of f32, f16, f64, bf16}}
  %0 = onnx.Sigmoid(%x) : (tensor<4xi32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @same_type(%x: tensor<4xf32>, %y: tensor<4xf64>) -> tensor<4xf32> {
  // expected-error @below {{operand 'B' has element type 'f64' when it should be that of 'A', 'f32'}}
  %0 = onnx.Add(%x, %y) : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @same_type_result(%x: tensor<4xf32>) -> tensor<4xf64> {
  // expected-error @below {{result 'Y' has element type 'f64' when it should be that of 'X', 'f32'}}
  %0 = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<4xf64>
  return %0 : tensor<4xf64>
}

// -----

func.func @unknown_attribute(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{has no attribute 'alpha'}}
  %0 = onnx.Relu(%x) {alpha = 1.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @attribute_kind(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{attribute 'axis' has a value of another kind than its schema says}}
  %0 = onnx.Softmax(%x) {axis} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @attribute_twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{attribute 'axis' is there twice}}
  %0 = onnx.Softmax(%x) {axis = 0, axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @required_attribute(%x: tensor<4xf32>) -> tensor<4xi32> {
  // expected-error @below {{requires attribute 'to'}}
  %0 = onnx.Cast(%x) : (tensor<4xf32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @required_operand(%w: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  // expected-error @below {{only an optional parameter may be missing}}
  %0 = onnx.Conv(_, %w) : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

// -----

func.func @too_few(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  // expected-error @below {{expected 2 or more operands, but found 1}}
  %0 = onnx.Conv(%x) : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

// -----

func.func @constant_without_value() -> tensor<f32> {
  // expected-error @below {{needs the attribute 'value'}}
  %0 = onnx.Constant {value_float = 1.0} : tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @constant_type() -> tensor<2xf32> {
  // expected-error @below {{has a value of type 'tensor<1xf32>' but a result of type 'tensor<2xf32>'}}
  %0 = onnx.Constant {value = dense<1.0> : tensor<1xf32>} : tensor<2xf32>
  return %0 : tensor<2xf32>
}
