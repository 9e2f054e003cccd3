// RUN: quant-opt %s --pass-pipeline='builtin.module(func.func(mpq-layout),mpq-pack-weights)' | FileCheck %s

// Weights of 2 bits that meet activations of 2 bits are laid out in planes, for a kernel that counts bits; those that meet
// activations of 8 bits are not.
// CHECK-LABEL: @main
// CHECK: mpq.matmul
// CHECK-SAME: family = "matmul_popcount_narrow", input_quant = #mpq.uniform<dynamic, bits = 2>
// CHECK-SAME: mpq.packed_layout = #mpq.packed<rows = 256, k = 256, bits = 2, group = 0, step = 1, low = -2, scale_bits = 32, zero_points = false, planes = true>
// CHECK: mpq.matmul
// CHECK-SAME: family = "matmul_packed_large", input_quant = #mpq.uniform<dynamic>
// CHECK-SAME: mpq.packed_layout = #mpq.packed<rows = 256, k = 256, bits = 2, group = 0, step = 1, low = -2, scale_bits = 32, zero_points = false>
module attributes {mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni", "avx512vpopcntdq"]} {
  func.func @main(%w: !mpq.tensor<256x256, axis 0, #mpq.int<2>>, %x: tensor<2x256xf32>) -> (tensor<2x256xf32>, tensor<2x256xf32>) {
    %0 = tensor.empty() : tensor<2x256xf32>
    %1 = mpq.matmul ins(%x, %w : tensor<2x256xf32>, !mpq.tensor<256x256, axis 0, #mpq.int<2>>) outs(%0 : tensor<2x256xf32>)
        {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 2>} -> tensor<2x256xf32>
    %2 = mpq.matmul ins(%x, %w : tensor<2x256xf32>, !mpq.tensor<256x256, axis 0, #mpq.int<2>>) outs(%0 : tensor<2x256xf32>)
        {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic>} -> tensor<2x256xf32>
    return %1, %2 : tensor<2x256xf32>, tensor<2x256xf32>
  }
}
