// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{formats=int2,int8})' | FileCheck %s
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{formats=int4,int3:tensor group-size=16})' | FileCheck %s --check-prefix=GROUP
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites)' | FileCheck %s --check-prefix=DEFAULT
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{integer-products})' | FileCheck %s --check-prefix=INTEGER
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{formats=int4,int3:tensor group-size=0,8})' | FileCheck %s --check-prefix=GROUPS
// RUN: quant-opt %s --split-input-file --pass-pipeline='builtin.module(mpq-sites{formats=int4 decide-activations})' | FileCheck %s --check-prefix=BOTH

// The rows of a convolution's weight are its first dimension.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = onnx.Constant
// CHECK-NEXT: %[[S:.*]] = mpq.site %[[W]] "conv.weight" axis 0 candidates
// CHECK-SAME: [#mpq.candidate<#mpq.int<2>, bytes = 44>, #mpq.candidate<#mpq.int<8>, bytes = 124>]
// CHECK: onnx.Conv(%{{.*}}, %[[S]])
// GROUP: candidates {{\[}}#mpq.candidate<#mpq.int<4, group = 16>, bytes = 88>, #mpq.candidate<#mpq.int<3, group = -1>
// GROUPS: candidates {{\[}}#mpq.candidate<#mpq.int<4>, {{.*}}>, #mpq.candidate<#mpq.int<4, group = 8>, {{.*}}>, #mpq.candidate<#mpq.int<3, group = -1>, {{[^<]*}}>]
// BOTH: [#mpq.candidate<#mpq.int<4>, activations = f32, bytes = 72>, #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 72>]
// DEFAULT: #mpq.int<2, f16>{{[^#]*}}#mpq.candidate<#mpq.int<3, f16>{{[^#]*}}#mpq.candidate<#mpq.codebook<kmeans3{{[^#]*}}#mpq.candidate<#mpq.int<4, f16>{{[^#]*}}#mpq.candidate<#mpq.codebook<kmeans4{{[^#]*}}#mpq.candidate<#mpq.int<5, f16>{{[^#]*}}#mpq.candidate<#mpq.int<6, f16>{{[^#]*}}#mpq.candidate<#mpq.int<8, f16>
func.func @main(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = onnx.Constant {value = dense<0.25> : tensor<4x3x3x3xf32>} : tensor<4x3x3x3xf32> loc("conv.weight")
  %y = onnx.Conv(%x, %w) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %y : tensor<1x4x8x8xf32>
}

// -----

// Matrix products: columns of a MatMul's weight, and of a Gemm's unless it is transposed.
// CHECK-LABEL: @main
// CHECK: mpq.site %{{.*}} "matmul" axis 1
// CHECK: mpq.site %{{.*}} "gemm" axis 1
// CHECK: mpq.site %{{.*}} "transposed" axis 0
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %w0 = onnx.Constant {value = dense<0.1> : tensor<8x8xf32>} : tensor<8x8xf32> loc("matmul")
  %0 = onnx.MatMul(%x, %w0) : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  %w1 = onnx.Constant {value = dense<0.2> : tensor<8x8xf32>} : tensor<8x8xf32> loc("gemm")
  %1 = onnx.Gemm(%0, %w1) : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  %w2 = onnx.Constant {value = dense<0.3> : tensor<8x8xf32>} : tensor<8x8xf32> loc("transposed")
  %2 = onnx.Gemm(%1, %w2) {transB = 1} : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  return %2 : tensor<1x8xf32>
}

// -----

// An embedding that is the last layer, too, is read along both axes: two sites that decide together.
// CHECK-LABEL: @main
// CHECK-DAG: %[[TABLE:.*]] = mpq.site %{{.*}} "table" axis 0 tie "table" candidates
// CHECK-DAG: %[[HEAD:.*]] = mpq.site %{{.*}} "table_1" axis 1 tie "table" candidates
// CHECK: onnx.Gather(%[[TABLE]]
// CHECK: onnx.MatMul(%{{.*}}, %[[HEAD]])
func.func @main(%i: tensor<1x2xi64>) -> tensor<1x2x8xf32> {
  %w = onnx.Constant {value = dense<0.1> : tensor<8x8xf32>} : tensor<8x8xf32> loc("table")
  %0 = onnx.Gather(%w, %i) : (tensor<8x8xf32>, tensor<1x2xi64>) -> tensor<1x2x8xf32>
  %1 = onnx.MatMul(%0, %w) : (tensor<1x2x8xf32>, tensor<8x8xf32>) -> tensor<1x2x8xf32>
  return %1 : tensor<1x2x8xf32>
}

// -----

// An embedding and its transpose are one matrix, stored once. Another transpose is not.
// CHECK-LABEL: @main
// CHECK-DAG: mpq.site %{{.*}} "table" axis 0 tie "table" candidates {{.*}}] : tensor<3x2xf32>
// CHECK-DAG: mpq.site %{{.*}} "head" axis 1 tie "table" candidates {{.*}}] {mpq.shared} : tensor<2x3xf32>
// CHECK-DAG: mpq.site %{{.*}} "other" axis 1 candidates {{.*}}] : tensor<2x3xf32>
func.func @main(%i: tensor<1x2xi64>) -> (tensor<1x2x3xf32>, tensor<1x2x3xf32>) {
  %w = onnx.Constant {value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>} : tensor<3x2xf32> loc("table")
  %h = onnx.Constant {value = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]> : tensor<2x3xf32>} : tensor<2x3xf32> loc("head")
  %o = onnx.Constant {value = dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 7.0]]> : tensor<2x3xf32>} : tensor<2x3xf32> loc("other")
  %0 = onnx.Gather(%w, %i) : (tensor<3x2xf32>, tensor<1x2xi64>) -> tensor<1x2x2xf32>
  %1 = onnx.MatMul(%0, %h) : (tensor<1x2x2xf32>, tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %2 = onnx.MatMul(%0, %o) : (tensor<1x2x2xf32>, tensor<2x3xf32>) -> tensor<1x2x3xf32>
  return %1, %2 : tensor<1x2x3xf32>, tensor<1x2x3xf32>
}

// -----

// Equal constants are one tensor, and all its readers read the one site. Names are unique.
// CHECK-LABEL: @main
// CHECK: %[[S:.*]] = mpq.site %{{.*}} "w" axis 1
// CHECK-NOT: dense<1.0
// CHECK: %[[T:.*]] = mpq.site %{{.*}} "w_1" axis 1
// CHECK: onnx.MatMul(%{{.*}}, %[[S]])
// CHECK: onnx.MatMul(%{{.*}}, %[[S]])
// CHECK: onnx.Add(%{{.*}}, %[[S]])
// CHECK: onnx.MatMul(%{{.*}}, %[[T]])
func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w0 = onnx.Constant {value = dense<1.0> : tensor<8x8xf32>} : tensor<8x8xf32> loc("w")
  %w1 = onnx.Constant {value = dense<1.0> : tensor<8x8xf32>} : tensor<8x8xf32> loc("other")
  %w2 = onnx.Constant {value = dense<2.0> : tensor<8x8xf32>} : tensor<8x8xf32> loc("w")
  %0 = onnx.MatMul(%x, %w0) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = onnx.MatMul(%0, %w1) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = onnx.Add(%1, %w0) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = onnx.MatMul(%2, %w2) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// -----

// No weights: stacks of matrices, integers, constants on the left, tables read along another axis.
// CHECK-LABEL: @main
// CHECK-NOT: mpq.site
func.func @main(%x: tensor<1x2x4x4xf32>, %i: tensor<1xi64>) -> (tensor<1x2x4x4xf32>, tensor<4x1xf32>) {
  %w = onnx.Constant {value = dense<0.1> : tensor<1x2x4x4xf32>} : tensor<1x2x4x4xf32>
  %0 = onnx.MatMul(%w, %x) : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %1 = onnx.MatMul(%0, %w) : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %t = onnx.Constant {value = dense<0.1> : tensor<4x4xf32>} : tensor<4x4xf32>
  %2 = onnx.Gather(%t, %i) {axis = 1} : (tensor<4x4xf32>, tensor<1xi64>) -> tensor<4x1xf32>
  return %1, %2 : tensor<1x2x4x4xf32>, tensor<4x1xf32>
}

// -----

// Groups of 64 by default, where a row is longer.
// CHECK-LABEL: @main
// DEFAULT: "short" axis 1 candidates [#mpq.candidate<#mpq.int<2, f16>, {{[^#]*}}#mpq.candidate<#mpq.int<3, f16>
// DEFAULT: "long" axis 1 candidates [#mpq.candidate<#mpq.int<2, f16>, {{[^#]*}}#mpq.candidate<#mpq.int<2, group = 64, f16>, {{[^#]*}}#mpq.candidate<#mpq.int<3, f16>, {{[^#]*}}#mpq.candidate<#mpq.int<3, group = 64, f16>, {{[^#]*}}#mpq.candidate<#mpq.codebook<kmeans3
// INTEGER: "long"
// INTEGER-NOT: kmeans
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  %w0 = onnx.Constant {value = dense<0.1> : tensor<64x65xf32>} : tensor<64x65xf32> loc("short")
  %0 = onnx.MatMul(%x, %w0) : (tensor<1x64xf32>, tensor<64x65xf32>) -> tensor<1x65xf32>
  %w1 = onnx.Constant {value = dense<0.2> : tensor<65x8xf32>} : tensor<65x8xf32> loc("long")
  %1 = onnx.MatMul(%0, %w1) : (tensor<1x65xf32>, tensor<65x8xf32>) -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}
