// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-quantize{activations=int8})' --verify-diagnostics

func.func @main() {
  %w = onnx.Constant {value = dense<0x7FC00000> : tensor<2x2xf32>} : tensor<2x2xf32>
  // expected-error @below {{weight 'a' has a value that is not finite, at element 0}}
  %a = mpq.site %w "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 12>] : tensor<2x2xf32>
  return
}

// -----

func.func @main(%w: tensor<2x2xf32>) {
  // expected-error @below {{weight 'a' is not a constant}}
  %a = mpq.site %w "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 12>] : tensor<2x2xf32>
  return
}

// -----

func.func @main() {
  %w = onnx.Constant {value = dense<1.0> : tensor<2x2xf32>} : tensor<2x2xf32>
  // expected-error @below {{site 'a' has activations 'int7' when they should be f32 or int8}}
  %a = mpq.site %w "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 12>] {mpq.activations = "int7"} : tensor<2x2xf32>
  return
}

// -----

// expected-error @below {{has mpq.activation_bits = 9 : i64 when it should be 1 to 8}}
module attributes {mpq.activation_bits = 9 : i64} {
  func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
    return %x : tensor<1xf32>
  }
}

// -----

// expected-error @below {{has mpq.activation_bits = 1 : i64 and mpq.activation_groups when codes with a scale for each group need 2 bits, for a level on either side of zero}}
module attributes {mpq.activation_bits = 1 : i64, mpq.activation_groups} {
  func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
    return %x : tensor<1xf32>
  }
}
