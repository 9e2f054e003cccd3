// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-quantize{activations=int8})' --verify-diagnostics

// Convolutions have no dynamic form.
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x6x6xf32> {
  %w = onnx.Constant {value = dense<0.25> : tensor<4x3x3x3xf32>} : tensor<4x3x3x3xf32>
  %s = mpq.site %w "conv.weight" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 44>] : tensor<4x3x3x3xf32>
  // expected-error @below {{with weight 'conv.weight' reads an activation without a calibrated range; run mpq-calibrate first}}
  %y = onnx.Conv(%x, %s) {kernel_shape = [3, 3]} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x6x6xf32>
  return %y : tensor<1x4x6x6xf32>
}

// -----

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
