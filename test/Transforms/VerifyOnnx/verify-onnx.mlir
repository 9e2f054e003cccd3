// RUN: quant-opt %s --mpq-verify-onnx --split-input-file --verify-diagnostics

func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = onnx.Relu(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{is not of the onnx dialect, as all ops of the stage onnx are}}
  %0 = math.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<*xf32> {
  // expected-error @below {{result 0 is of type 'tensor<*xf32>', whose shape is not inferred; run mpq-onnx-infer-shapes}}
  %0 = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-error @below {{argument 0 is of type 'tensor<*xf32>' when it should be a ranked tensor}}
func.func @main(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}
