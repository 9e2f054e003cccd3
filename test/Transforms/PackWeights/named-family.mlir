// RUN: quant-opt %s --mpq-pack-weights --split-input-file --verify-diagnostics

// The family that an op names is asked before it packs a weight.

// A format that it does not pack.
module attributes {mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: tensor<2x64xf32>) -> tensor<2x16xf32> {
    %w = mpq.constant dense<17> : tensor<576xi8> as <16x64, axis 0, #mpq.int<4, group = 32, f16>>
    %0 = tensor.empty() : tensor<2x16xf32>
    // expected-error @below {{names the kernel family 'matmul_lut', which does not accept it: int4:g32:f16 has no learned tables}}
    %1 = mpq.matmul ins(%x, %w : tensor<2x64xf32>, !mpq.tensor<16x64, axis 0, #mpq.int<4, group = 32, f16>>) outs(%0 : tensor<2x16xf32>)
      {family = "matmul_lut", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>} -> tensor<2x16xf32>
    return %1 : tensor<2x16xf32>
  }
}

// -----

// Of another op.
module attributes {mpq.vector_bits = 512 : i64} {
  func.func @main(%x: tensor<2x64xf32>) -> tensor<2x16xf32> {
    %w = arith.constant dense<0.5> : tensor<16x64xf32>
    %0 = tensor.empty() : tensor<2x16xf32>
    // expected-error @below {{names the kernel family 'conv_vnni', which does not accept it: implements mpq.conv only}}
    %1 = mpq.matmul ins(%x, %w : tensor<2x64xf32>, tensor<16x64xf32>) outs(%0 : tensor<2x16xf32>)
      {family = "conv_vnni", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>} -> tensor<2x16xf32>
    return %1 : tensor<2x16xf32>
  }
}

// -----

module {
  func.func @main(%x: tensor<2x64xf32>) -> tensor<2x16xf32> {
    %w = arith.constant dense<0.5> : tensor<16x64xf32>
    %0 = tensor.empty() : tensor<2x16xf32>
    // expected-error @below {{names no kernel family; run mpq-layout}}
    %1 = mpq.matmul ins(%x, %w : tensor<2x64xf32>, tensor<16x64xf32>) outs(%0 : tensor<2x16xf32>)
      {weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>} -> tensor<2x16xf32>
    return %1 : tensor<2x16xf32>
  }
}
