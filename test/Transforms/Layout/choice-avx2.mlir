// Bits that are counted in bytes, without vpopcntd, are looked up sooner.
// RUN: quant-opt %s --mpq-layout | FileCheck %s

!binary = !mpq.tensor<256x256, axis 0, #mpq.codebook<binary>>

module attributes {mpq.vector_bits = 256 : i64, mpq.features = ["avx2"]} {

// CHECK-LABEL: @one_bit
// CHECK: family = "matmul_popcount_narrow"
func.func @one_bit(%x: tensor<1x256xf32>, %w: !binary, %e: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<1x256xf32>, !binary) outs(%e : tensor<1x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 1>} -> tensor<1x256xf32>
  return %0 : tensor<1x256xf32>
}

// CHECK-LABEL: @two_bits
// CHECK: family = "matmul_lookup_pshufb_large"
func.func @two_bits(%x: tensor<1x256xf32>, %w: !binary, %e: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<1x256xf32>, !binary) outs(%e : tensor<1x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 2>} -> tensor<1x256xf32>
  return %0 : tensor<1x256xf32>
}
}
