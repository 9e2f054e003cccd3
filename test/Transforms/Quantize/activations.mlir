// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-quantize{activations=int8},mpq-verify-quantized)' --remarks-filter=mpq-quantize --remark-policy=all 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// One pair of casts per value, for all that read it; what is returned stays as it is.
// CHECK-LABEL: @main
// CHECK: %[[R:.*]] = onnx.Relu
// CHECK-NEXT: %[[Q:.*]] = quant.qcast %[[R]] : tensor<1x16xf32> to tensor<1x16x!quant.uniform<u8:f32, 0.0{{[0-9]*}}>>
// CHECK-NEXT: %[[D:.*]] = quant.dcast %[[Q]]
// CHECK: mpq.matmul ins(%[[D]],
// CHECK: mpq.matmul ins(%[[D]],
// CHECK: onnx.Sigmoid(%[[D]])
// CHECK-NOT: quant.
// CHECK: return %{{.*}}, %{{.*}}, %{{.*}}, %[[R]] :
// REMARK-DAG: activation in [0.00, 2.55] is stored in 8 bits
func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x16xf32>, tensor<1x16xf32>) {
  %r = onnx.Relu(%x) {mpq.range = #mpq.range<0.0, 2.55>} : (tensor<1x16xf32>) -> tensor<1x16xf32>
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %1 = onnx.Gemm(%r, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %2 = onnx.Gemm(%r, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %3 = onnx.Sigmoid(%r) : (tensor<1x16xf32>) -> tensor<1x16xf32>
  return %1, %2, %3, %r : tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x16xf32>, tensor<1x16xf32>
}

// -----

// The range of an argument, widened to contain zero. Zero has a code of its own.
// CHECK-LABEL: @main
// CHECK: quant.qcast %arg0 {{.*}}!quant.uniform<u8:f32, 5.000000e-01:255>
func.func @main(%x: tensor<1x16xf32>) -> tensor<1x8xf32> attributes {mpq.arg_ranges = [#mpq.range<-127.5, -1.0>]} {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// -----

// Nothing but zeros was seen.
// CHECK-LABEL: @main
// CHECK: quant.qcast %arg0 {{.*}}!quant.uniform<u8:f32, 1.000000e+00>
func.func @main(%x: tensor<1x16xf32>) -> tensor<1x8xf32> attributes {mpq.arg_ranges = [#mpq.range<0.0, 0.0>]} {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// -----

// A site can say that its op reads f32; a float site quantizes nothing.
// CHECK-LABEL: @main
// CHECK-NOT: quant.
func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) attributes {mpq.arg_ranges = [#mpq.range<0.0, 1.0>]} {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] {mpq.activations = "f32"} : tensor<8x16xf32>
  %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %b = mpq.site %0 "b" axis 0 candidates [] : tensor<8x16xf32>
  %2 = onnx.Gemm(%x, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %1, %2 : tensor<1x8xf32>, tensor<1x8xf32>
}

// -----

// Without a range, a product computes it per sample.
// CHECK-LABEL: @main
// CHECK: mpq.matmul {{.*}}input_quant = #mpq.uniform<dynamic>
// REMARK-DAG: the input of 'a' is quantized while the model runs
func.func @main(%x: tensor<1x16xf32>) -> tensor<1x8xf32> {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64>] : tensor<8x16xf32>
  %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// -----

// So does a convolution.
// CHECK-LABEL: @main
// CHECK: mpq.conv {{.*}}input_quant = #mpq.uniform<dynamic>
// REMARK-DAG: the input of 'conv' is quantized while the model runs
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x6x6xf32> {
  %0 = onnx.Constant {value = dense<0.25> : tensor<4x3x3x3xf32>} : tensor<4x3x3x3xf32>
  %w = mpq.site %0 "conv" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 44>] : tensor<4x3x3x3xf32>
  %1 = onnx.Conv(%x, %w) {kernel_shape = [3, 3]} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x6x6xf32>
  return %1 : tensor<1x4x6x6xf32>
}

// -----

// Kernels of grouped convolutions compute in f32 anyway.
// CHECK-LABEL: @main
// CHECK: mpq.conv
// CHECK-NOT: input_quant
// REMARK-DAG: the input of 'depthwise' stays f32
func.func @main(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x6x6xf32> {
  %0 = onnx.Constant {value = dense<0.25> : tensor<4x1x3x3xf32>} : tensor<4x1x3x3xf32>
  %w = mpq.site %0 "depthwise" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 28>] : tensor<4x1x3x3xf32>
  %1 = onnx.Conv(%x, %w) {group = 4, kernel_shape = [3, 3]} : (tensor<1x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x6x6xf32>
  return %1 : tensor<1x4x6x6xf32>
}

// -----

// Rows that are quantized while the model runs have a scale for each group of a weight that has groups.
// CHECK-LABEL: @main
// CHECK: mpq.matmul {{.*}}input_quant = #mpq.uniform<dynamic, group = 8>
// CHECK: mpq.matmul {{.*}}input_quant = #mpq.uniform<dynamic>
module attributes {mpq.activation_groups} {
  func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
    %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
    %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<4, group = 8>, bytes = 128>] : tensor<8x16xf32>
    %1 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
    %b = mpq.site %0 "b" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<4>, bytes = 96>] : tensor<8x16xf32>
    %2 = onnx.Gemm(%x, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
    return %1, %2 : tensor<1x8xf32>, tensor<1x8xf32>
  }
}

// -----

// Codes of fewer bits: known ranges and rows that are quantized while the model runs.
// CHECK-LABEL: @main
// CHECK: quant.qcast {{.*}}!quant.uniform<u8<0:3>:f32, 1.000000e+00>
// CHECK: mpq.matmul
// CHECK: mpq.matmul {{.*}}input_quant = #mpq.uniform<dynamic, bits = 2>
module attributes {mpq.activation_bits = 2 : i64} {
  func.func @main(%x: tensor<1x16xf32>) -> tensor<1x8xf32> {
    %r = onnx.Relu(%x) {mpq.range = #mpq.range<0.0, 3.0>} : (tensor<1x16xf32>) -> tensor<1x16xf32>
    %0 = onnx.Constant {value = dense<0.5> : tensor<16x16xf32>} : tensor<16x16xf32>
    %a = mpq.site %0 "a" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<4>, bytes = 192>] : tensor<16x16xf32>
    %1 = onnx.Gemm(%r, %a) {transB = 1} : (tensor<1x16xf32>, tensor<16x16xf32>) -> tensor<1x16xf32>
    %2 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
    %b = mpq.site %2 "b" axis 0 choice 0 candidates [#mpq.candidate<#mpq.int<4>, bytes = 96>] : tensor<8x16xf32>
    %3 = onnx.Gemm(%1, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
    return %3 : tensor<1x8xf32>
  }
}
