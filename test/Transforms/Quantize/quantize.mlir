// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-quantize,mpq-verify-quantized)' | FileCheck %s
// RUN: quant-opt %s --split-input-file --verify-roundtrip --pass-pipeline='builtin.module(mpq-quantize)' -o /dev/null

// A choice is applied; no choice leaves the weight in f32.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = mpq.constant dense_resource<a> : tensor<64xi8> as <8x16, axis 0, #mpq.int<2>>
// CHECK: %[[Y:.*]] = mpq.matmul ins(%{{.*}}, %[[W]] : tensor<1x16xf32>, !mpq.tensor<8x16, axis 0, #mpq.int<2>>)
// CHECK: mpq.site %{{.*}} "b"
// CHECK: onnx.Gemm
// CHECK: return %[[Y]],
func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %2 = onnx.Constant {value = dense<0.25> : tensor<8x16xf32>} : tensor<8x16xf32>
  %b = mpq.site %2 "b" axis 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %3 = onnx.Gemm(%x, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %1, %3 : tensor<1x8xf32>, tensor<1x8xf32>
}

// -----

// Rows of a payload are output channels, also where these are the columns of the tensor. Here row 0 is (1, -1), which
// are the codes 1 and -1 of scale 1, in bits 1101, and row 1 is (2, 0), the codes -2 and 0 of scale -1, in bits 0010.
// CHECK-LABEL: @main
// CHECK: mpq.constant dense_resource<w> : tensor<10xi8> as <2x2, axis 1, #mpq.int<2>>
// CHECK: mpq.matmul {{.*}}weight_axis = 1
// CHECK: w: "0x400000000D020000803F000080BF"
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %0 = onnx.Constant {value = dense<[[1.0, 2.0], [-1.0, 0.0]]> : tensor<2x2xf32>} : tensor<2x2xf32>
  %w = mpq.site %0 "w" axis 1 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 10>] : tensor<2x2xf32>
  %1 = onnx.MatMul(%x, %w) : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// -----

// Rows of a table are gathered from what is stored. What no op of MPQ reads as a weight is decoded, once: an addition,
// a product along the other axis.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = mpq.constant dense_resource<t>
// CHECK: %[[D:.*]] = mpq.dequantize %[[W]] : <8x8, axis 0, #mpq.int<8>> -> tensor<8x8xf32>
// CHECK-NOT: mpq.dequantize
// CHECK: mpq.gather ins(%{{.*}}, %[[W]] :
// CHECK: onnx.Add(%{{.*}}, %[[D]])
// CHECK: onnx.MatMul(%{{.*}}, %[[D]])
func.func @main(%i: tensor<8xi64>) -> tensor<8x8xf32> {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x8xf32>} : tensor<8x8xf32>
  %t = mpq.site %0 "t" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 96>] : tensor<8x8xf32>
  %1 = onnx.Gather(%t, %i) : (tensor<8x8xf32>, tensor<8xi64>) -> tensor<8x8xf32>
  %2 = onnx.Add(%1, %t) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = onnx.MatMul(%2, %t) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// -----

// Shared sites are one payload in two types.
// CHECK-LABEL: @main
// CHECK-DAG: mpq.constant dense_resource<table> : tensor<18xi8> as <3x2, axis 0, #mpq.int<8>>
// CHECK-DAG: mpq.constant dense_resource<table> : tensor<18xi8> as <2x3, axis 1, #mpq.int<8>>
func.func @main(%x: tensor<1x2xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  %0 = onnx.Constant {value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>} : tensor<3x2xf32>
  %t = mpq.site %0 "table" axis 0 tie "table" choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 18>] : tensor<3x2xf32>
  %1 = onnx.Gemm(%x, %t) {transB = 1} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %2 = onnx.Constant {value = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]> : tensor<2x3xf32>} : tensor<2x3xf32>
  %h = mpq.site %2 "head" axis 1 tie "table" choice 0 candidates [#mpq.candidate<#mpq.int<8>, bytes = 18>] {mpq.shared} : tensor<2x3xf32>
  %3 = onnx.MatMul(%x, %h) : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  return %1, %3 : tensor<1x3xf32>, tensor<1x3xf32>
}
