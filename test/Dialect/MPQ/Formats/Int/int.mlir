// RUN: quant-opt %s --verify-roundtrip | FileCheck %s

// A matrix of 2 rows with 6 weights each, in 6 bytes of codes and 8 of scales.
// CHECK-LABEL: @per_row
// CHECK: !mpq.tensor<2x6, axis 0, #mpq.int<4>>
func.func private @per_row(!mpq.tensor<2x6, axis 0, #mpq.int<4>>)

// CHECK-LABEL: @groups
// CHECK: #mpq.int<3, group = 32, asymmetric, f16>
func.func private @groups(!mpq.tensor<2x64, axis 0, #mpq.int<3, group = 32, asymmetric, f16>>)

// The order of the parts does not matter to the reader.
// CHECK-LABEL: @whole_tensor
// CHECK: #mpq.int<2, group = -1, asymmetric>
func.func private @whole_tensor(!mpq.tensor<2x64, axis 0, #mpq.int<2, asymmetric, group = -1>>)
