// Every op in its documented form survives printing and parsing.
// RUN: quant-opt %s | quant-opt | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// CHECK-LABEL: @site
func.func @site(%w: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: mpq.site %{{.*}} "fc.weight" axis 0 tie "head" choice 1 candidates
  // CHECK-SAME: #mpq.candidate<#mpq.int<2>, bytes = 24, error = 3.000000e-01, metric = "kl">
  // CHECK-SAME: #mpq.candidate<#mpq.int<4>, bytes = 32>
  %0 = mpq.site %w "fc.weight" axis 0 tie "head" choice 1 candidates [
    #mpq.candidate<#mpq.int<2>, bytes = 24, error = 3.0e-01, metric = "kl">,
    #mpq.candidate<#mpq.int<4>, bytes = 32>] : tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: @stored
func.func @stored() -> tensor<2x2xf32> {
  // CHECK: mpq.constant dense<[1, 2, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<10xi8> as <2x2, axis 0, #mpq.int<4>>
  %w = mpq.constant dense<[1, 2, 0, 0, 0, 0, 0, 0, 0, 0]> : tensor<10xi8> as !mpq.tensor<2x2, axis 0, #mpq.int<4>>
  // CHECK: mpq.dequantize %{{.*}} : <2x2, axis 0, #mpq.int<4>> -> tensor<2x2xf32>
  %0 = mpq.dequantize %w : !mpq.tensor<2x2, axis 0, #mpq.int<4>> -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// CHECK-LABEL: @conv_quantized_with_residual
func.func @conv_quantized_with_residual(
    %x: tensor<1x1x10x10x16xi8>, %w: !mpq.tensor<16x16x3x3, axis 0, #mpq.int<4>>, %b: tensor<16xf32>,
    %r: tensor<1x16x8x8xf32>, %e: tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> {
  // CHECK: mpq.conv ins({{.*}}) bias({{.*}}) residual({{.*}}) outs({{.*}}) {
  // CHECK-SAME: clamp = #mpq.range<0.000000e+00, inf>
  // CHECK-SAME: input_layout = #mpq.blocked<1x16x8x8, block = 16, border = [1, 1, 1, 1]>
  // CHECK-SAME: input_quant = #mpq.uniform<scale = 2.500000e-02, zero_point = 3>
  %0 = mpq.conv ins(%x, %w : tensor<1x1x10x10x16xi8>, !mpq.tensor<16x16x3x3, axis 0, #mpq.int<4>>)
      bias(%b : tensor<16xf32>) residual(%r : tensor<1x16x8x8xf32>) outs(%e : tensor<1x16x8x8xf32>)
      {weight_shape = array<i64: 16, 16, 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 1, 1, 1, 1>, groups = 1 : i64, clamp = #mpq.range<0.0, inf>,
       input_layout = #mpq.blocked<1x16x8x8, block = 16, border = [1, 1, 1, 1]>,
       input_quant = #mpq.uniform<scale = 2.5e-02, zero_point = 3>} -> tensor<1x16x8x8xf32>
  return %0 : tensor<1x16x8x8xf32>
}

// CHECK-LABEL: @on_buffers
func.func @on_buffers(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x10xf32>) {
  // CHECK: mpq.matmul ins({{.*}}) outs(%{{.*}} : memref<2x10xf32>) {input_quant = #mpq.uniform<dynamic>
  mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x10xf32>)
      {weight_shape = array<i64: 10, 64>, input_quant = #mpq.uniform<dynamic>}
  // CHECK: input_quant = #mpq.uniform<dynamic, group = 16, bits = 4>
  mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x10xf32>)
      {weight_shape = array<i64: 10, 64>, input_quant = #mpq.uniform<dynamic, group = 16, bits = 4>}
  return
}

// CHECK-LABEL: @map
func.func @map(%a: tensor<1x4x2x2xf32>, %c: tensor<4xf32>, %e: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  // CHECK: mpq.map ins(%{{.*}}, %{{.*}} : tensor<1x4x2x2xf32>, tensor<4xf32>)
  // CHECK: mpq.yield
  %0 = mpq.map ins(%a, %c : tensor<1x4x2x2xf32>, tensor<4xf32>) outs(%e : tensor<1x4x2x2xf32>) {
  ^bb0(%p: f32, %q: f32):
    %s = arith.mulf %p, %q : f32
    mpq.yield %s : f32
  } -> tensor<1x4x2x2xf32>
  return %0 : tensor<1x4x2x2xf32>
}

// CHECK: mpq.slot "fc.weight" prepared at 64 size 128 packed by @pack from dense<0> : tensor<4xi8> at 0
mpq.slot "fc.weight" prepared at 64 size 128 packed by @pack from dense<0> : tensor<4xi8> at 0
func.func private @pack(memref<4xi8>, memref<128xi8>)

// CHECK-LABEL: @rows
func.func @rows(%x: tensor<1x?x64xf32>, %g: tensor<64xf32>, %b: tensor<64xf32>, %e: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  // CHECK: mpq.softmax ins(%{{.*}} : tensor<1x?x64xf32>) outs(%{{.*}} : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  %0 = mpq.softmax ins(%x : tensor<1x?x64xf32>) outs(%e : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
  // CHECK: mpq.normalize ins(%{{.*}} : tensor<1x?x64xf32>) scale(%{{.*}} : tensor<64xf32>) bias(%{{.*}} : tensor<64xf32>)
  // CHECK-SAME: {centered, epsilon = 9.99999974E-6 : f32}
  %1 = mpq.normalize ins(%0 : tensor<1x?x64xf32>) scale(%g : tensor<64xf32>) bias(%b : tensor<64xf32>)
      outs(%e : tensor<1x?x64xf32>) {centered, epsilon = 1.0e-5 : f32} -> tensor<1x?x64xf32>
  return %1 : tensor<1x?x64xf32>
}

// CHECK-LABEL: @heads
func.func @heads(%q: tensor<1x?x96xf32>, %cos: tensor<512x4xf32>, %sin: tensor<512x4xf32>, %kv: tensor<1x?x64xf32>,
                 %m: tensor<1x1x1x?xf32>, %e: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  // CHECK: mpq.rotary ins(%{{.*}} : tensor<1x?x96xf32>, tensor<512x4xf32>, tensor<512x4xf32>)
  // CHECK-SAME: {heads = 8 : i64, offset = 32 : i64}
  %0 = mpq.rotary ins(%q, %cos, %sin : tensor<1x?x96xf32>, tensor<512x4xf32>, tensor<512x4xf32>)
      outs(%e : tensor<1x?x64xf32>) {heads = 8 : i64, offset = 32 : i64} -> tensor<1x?x64xf32>
  // CHECK: mpq.attention ins(%{{.*}}) mask(%{{.*}} : tensor<1x1x1x?xf32>) outs({{.*}}) {causal, head_size = 8 : i64
  // CHECK-SAME: offsets = array<i64: 0, 0, 32>
  %1 = mpq.attention ins(%0, %kv, %kv : tensor<1x?x64xf32>, tensor<1x?x64xf32>, tensor<1x?x64xf32>)
      mask(%m : tensor<1x1x1x?xf32>) outs(%e : tensor<1x?x64xf32>)
      {causal, heads = 8 : i64, kv_heads = 4 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 0.5 : f32,
       offsets = array<i64: 0, 0, 32>} -> tensor<1x?x64xf32>
  return %1 : tensor<1x?x64xf32>
}

// One value for each row, and as many rows as there are.
// CHECK-LABEL: @map_rows
func.func @map_rows(%a: memref<?x8xf32>, %r: memref<?x1xf32>, %c: memref<8xf32>, %y: memref<?x8xf32>) {
  // CHECK: mpq.map ins(%{{.*}} : memref<?x8xf32>, memref<?x1xf32>, memref<8xf32>)
  mpq.map ins(%a, %r, %c : memref<?x8xf32>, memref<?x1xf32>, memref<8xf32>) outs(%y : memref<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %t = arith.addf %m, %s : f32
    mpq.yield %t : f32
  }
  return
}
