// RUN: quant-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @per_row
// CHECK: !mpq.tensor<2x64, axis 0, #mpq.lut<4>>
func.func private @per_row(!mpq.tensor<2x64, axis 0, #mpq.lut<4>>)

// CHECK-LABEL: @groups
// CHECK: #mpq.lut<3, group = 256, f16>
func.func private @groups(!mpq.tensor<2x512, axis 0, #mpq.lut<3, f16, group = 256>>)

// CHECK-LABEL: @whole_tensor
// CHECK: #mpq.lut<8, group = -1>
func.func private @whole_tensor(!mpq.tensor<2x64, axis 0, #mpq.lut<8, group = -1>>)
