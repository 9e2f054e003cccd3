// Of two families that can compute a product, the number of rows decides which takes less time; the others say why they
// do not. Weights are packed for one of them.
// RUN: quant-opt %s --mpq-layout --remarks-filter=mpq-layout --remark-policy=all 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY < %t

!binary = !mpq.tensor<256x256, axis 0, #mpq.codebook<binary>>
!int2 = !mpq.tensor<256x256, axis 0, #mpq.int<2>>
!bytes = !mpq.tensor<256x256, axis 0, #mpq.int<8, group = 32>>

module attributes {mpq.vector_bits = 512 : i64,
    mpq.features = ["avx512f", "avx512bw", "avx512vnni", "avx512vbmi", "avx512vpopcntdq"]} {

// Counting takes as long as there are bits, looking up does not.
// CHECK-LABEL: @one_row
// CHECK: family = "matmul_popcount_narrow"
func.func @one_row(%x: tensor<1x256xf32>, %w: !binary, %e: tensor<1x256xf32>) -> tensor<1x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<1x256xf32>, !binary) outs(%e : tensor<1x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 4>} -> tensor<1x256xf32>
  return %0 : tensor<1x256xf32>
}

// WHY: matmul_popcount_narrow: 2 rows of activations are more than 1, and sums of weights of 1 bit are looked up in less time then
// CHECK-LABEL: @two_rows
// CHECK: family = "matmul_lookup_int8_large"
func.func @two_rows(%x: tensor<2x256xf32>, %w: !binary, %e: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<2x256xf32>, !binary) outs(%e : tensor<2x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 4>} -> tensor<2x256xf32>
  return %0 : tensor<2x256xf32>
}

// WHY: matmul_popcount_narrow: 32 rows of activations, as many as are expected, are more than 3, and sums of weights of 1 bit are looked up in less time then
// CHECK-LABEL: @unknown_rows
// CHECK: family = "matmul_lookup_int8_large"
func.func @unknown_rows(%x: tensor<?x256xf32>, %w: !binary, %e: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<?x256xf32>, !binary) outs(%e : tensor<?x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 3>} -> tensor<?x256xf32>
  return %0 : tensor<?x256xf32>
}

// CHECK-LABEL: @two_bits
// CHECK: family = "matmul_popcount_narrow"
func.func @two_bits(%x: tensor<?x256xf32>, %w: !binary, %e: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<?x256xf32>, !binary) outs(%e : tensor<?x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 2>} -> tensor<?x256xf32>
  return %0 : tensor<?x256xf32>
}

// Where rows are few, weights of several bits are multiplied as fast as they are read.
// WHY: matmul_popcount_narrow: 2 rows of activations are fewer than 3, and multiplied in less time
// CHECK-LABEL: @few_rows
// CHECK: family = "matmul_packed_large"
func.func @few_rows(%x: tensor<2x256xf32>, %w: !int2, %e: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<2x256xf32>, !int2) outs(%e : tensor<2x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 1>} -> tensor<2x256xf32>
  return %0 : tensor<2x256xf32>
}

// CHECK-LABEL: @more_rows
// CHECK: family = "matmul_popcount_narrow"
func.func @more_rows(%x: tensor<3x256xf32>, %w: !int2, %e: tensor<3x256xf32>) -> tensor<3x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<3x256xf32>, !int2) outs(%e : tensor<3x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic, bits = 1>} -> tensor<3x256xf32>
  return %0 : tensor<3x256xf32>
}

// Codes of 8 bits are as many bytes for either.
// CHECK-LABEL: @two_rows_of_bytes
// CHECK: family = "matmul_packed_large"
func.func @two_rows_of_bytes(%x: tensor<2x256xf32>, %w: !bytes, %e: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<2x256xf32>, !bytes) outs(%e : tensor<2x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic>} -> tensor<2x256xf32>
  return %0 : tensor<2x256xf32>
}

// WHY: matmul_packed_large: 8-bit codes are bytes already, and 3 rows of activations are more than 2
// CHECK-LABEL: @three_rows_of_bytes
// CHECK: family = "matmul_vnni"
func.func @three_rows_of_bytes(%x: tensor<3x256xf32>, %w: !bytes, %e: tensor<3x256xf32>) -> tensor<3x256xf32> {
  %0 = mpq.matmul ins(%x, %w : tensor<3x256xf32>, !bytes) outs(%e : tensor<3x256xf32>)
      {weight_shape = array<i64: 256, 256>, input_quant = #mpq.uniform<dynamic>} -> tensor<3x256xf32>
  return %0 : tensor<3x256xf32>
}
}
