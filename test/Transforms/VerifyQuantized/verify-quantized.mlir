// RUN: quant-opt %s --split-input-file --mpq-verify-quantized --verify-diagnostics

// C1
func.func @main() {
  %w = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  // expected-error @below {{site 'a' is not stored in int2 yet; run mpq-quantize first}}
  %a = mpq.site %w "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  return
}

// -----

// C2
func.func @main() -> !mpq.tensor<2x2, axis 0, #mpq.int<8>> {
  %w = mpq.constant dense<0> : tensor<12xi8> as <2x2, axis 0, #mpq.int<8>>
  // expected-error @below {{reads a stored weight, which only ops of MPQ do}}
  return %w : !mpq.tensor<2x2, axis 0, #mpq.int<8>>
}

// -----

// C3
func.func @main(%x: tensor<4xf32>) {
  // expected-error @below {{quantizes to 'tensor<4x!quant.uniform<i8:f32, 5.000000e-01>>' when it should be !quant.uniform<u8:f32, scale:zero>}}
  %0 = quant.qcast %x : tensor<4xf32> to tensor<4x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

// C3
func.func @main(%x: tensor<4x!quant.uniform<u8:f32, 0.5>>) {
  // expected-error @below {{reads codes that no quant.qcast made}}
  %0 = quant.dcast %x : tensor<4x!quant.uniform<u8:f32, 0.5>> to tensor<4xf32>
  return
}
