// RUN: quant-opt %s --split-input-file --mpq-verify-planned --verify-diagnostics

// C1
func.func @main(%x: tensor<1x16xf32>) -> tensor<1x8xf32> {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  // expected-error @below {{has a weight that could be quantized, but no site; run mpq-sites first}}
  %0 = onnx.Gemm(%x, %w) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// C2
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  // expected-note @below {{another site of this name}}
  %a = mpq.site %w "a" axis 0 candidates [] : tensor<8x16xf32>
  // expected-error @below {{name 'a' is not unique}}
  %b = mpq.site %w "a" axis 1 candidates [] : tensor<8x16xf32>
  return
}

// -----

// C3
func.func @main(%w: tensor<8x16xf32>) {
  // expected-error @below {{weight 'a' is not a constant}}
  %a = mpq.site %w "a" axis 0 candidates [] : tensor<8x16xf32>
  return
}

// -----

// C3
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  // expected-error @below {{site 'a' has the candidate int2 twice}}
  %a = mpq.site %w "a" axis 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>, #mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  return
}

// -----

// C4
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %w "a" axis 0 tie "t" candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  // expected-error @below {{site 'b' has the candidates int4 when 'a', with the same tie 't', has int2}}
  %b = mpq.site %w "b" axis 0 tie "t" candidates [#mpq.candidate<#mpq.int<4>, bytes = 96>] : tensor<8x16xf32>
  return
}

// -----

// C4
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %w "a" axis 0 tie "t" choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  // expected-error @below {{site 'b' gets float when 'a', with the same tie 't', gets int2}}
  %b = mpq.site %w "b" axis 0 tie "t" candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  return
}

// -----

// C5
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  // expected-error @below {{site 'a' has activations 'int7' when they should be f32 or int8}}
  %a = mpq.site %w "a" axis 0 candidates [] {mpq.activations = "int7"} : tensor<8x16xf32>
  return
}
