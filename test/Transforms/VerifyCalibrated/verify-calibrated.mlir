// RUN: quant-opt %s --split-input-file --mpq-verify-calibrated --verify-diagnostics

// Constants, and what is made of them alone, need no range; neither do integers.
func.func @main(%x: tensor<1x4xf32>, %i: tensor<1xi64>) -> tensor<1x4xf32> attributes {mpq.arg_ranges = [#mpq.range<-1.0, 1.0>, unit]} {
  %c = onnx.Constant {value = dense<0.5> : tensor<1x4xf32>} : tensor<1x4xf32>
  %d = onnx.Relu(%c) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %0 = onnx.Add(%x, %d) {mpq.range = #mpq.range<-1.0, 1.5>} : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// -----

// expected-error @below {{argument 0 has no calibrated range; run mpq-calibrate first}}
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  return %x : tensor<1x4xf32>
}

// -----

func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {mpq.arg_ranges = [#mpq.range<-1.0, 1.0>]} {
  // expected-error @below {{result 0 has no calibrated range; run mpq-calibrate first}}
  %0 = onnx.Relu(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// -----

func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {mpq.arg_ranges = [#mpq.range<-1.0, 1.0>]} {
  // expected-error @below {{result 0 has the range #mpq.range<0.000000e+00, inf>, which is not finite}}
  %0 = onnx.Relu(%x) {mpq.range = #mpq.range<0.0, inf>} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
