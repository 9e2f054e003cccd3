// Times by the rates of a table: arithmetic or memory, whatever takes longer.
// RUN: split-file %s %t
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/table.json dynamic-size=10})' | FileCheck %s

// 8 x 8 pixels of 4 channels, 27 products each: 6912 multiply-adds at 10 or 40 in a ns.
// CHECK: "conv" {{.*}}activations = f32, bytes = 72, ns = 691>{{.*}}activations = int8, bytes = 72, ns = 173>
// One row of 64 x 64: 16384 or 4096 bytes of weights at 2 in a ns.
// CHECK: "row" {{.*}}activations = f32, bytes = 2304, ns = 8192>{{.*}}activations = int8, bytes = 2304, ns = 2048>
// Ten rows, which is what an unknown number counts; two ops read the weight.
// CHECK: "rows" {{.*}}ns = 16384>

// The tables that MPQ comes with.
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=znver4})' | FileCheck %s --check-prefix=BUILTIN
// BUILTIN-COUNT-5: ns = {{[1-9][0-9]*}}
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=pentium})' --remarks-filter=mpq-predict-cost --remark-policy=all 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: Reason="there is none for pentium", Remark="times are predicted with the table of {{.*}}"

// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/nowhere.json})' 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: error: cannot read the cost table '{{.*}}nowhere.json'
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/m.mlir})' 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: error: {{.*}}m.mlir:
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/short.json})' 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: error: {{.*}}short.json: there is no kernel 'conv/int8'
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/zero.json})' 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: error: {{.*}}zero.json: 'macs_per_ns' of kernel 'conv/f32' is not a positive number
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{dynamic-size=0})' 2>&1 | FileCheck %s --check-prefix=SIZE
// SIZE: error: dynamic-size is 0 when it should be at least 1

//--- m.mlir
func.func @main(%x: tensor<1x3x8x8xf32>, %y: tensor<1x64xf32>, %z: tensor<?x64xf32>) -> (tensor<1x4x8x8xf32>, tensor<1x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = onnx.Constant {value = dense<0.25> : tensor<4x3x3x3xf32>} : tensor<4x3x3x3xf32>
  %a = mpq.site %0 "conv" axis 0 candidates [#mpq.candidate<#mpq.int<4>, activations = f32, bytes = 72>,
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 72>] : tensor<4x3x3x3xf32>
  %1 = onnx.Conv(%x, %a) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  %2 = onnx.Constant {value = dense<0.5> : tensor<64x64xf32>} : tensor<64x64xf32>
  %b = mpq.site %2 "row" axis 0 candidates [#mpq.candidate<#mpq.int<4>, activations = f32, bytes = 2304>,
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 2304>] : tensor<64x64xf32>
  %3 = onnx.Gemm(%y, %b) {transB = 1} : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32>
  %c = mpq.site %2 "rows" axis 1 candidates [#mpq.candidate<#mpq.int<4>, bytes = 2304>] : tensor<64x64xf32>
  %4 = onnx.MatMul(%z, %c) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %5 = onnx.MatMul(%4, %c) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %1, %3, %4, %5 : tensor<1x4x8x8xf32>, tensor<1x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
//--- table.json
{"cpu": "mine", "kernels": {
  "conv/f32": {"macs_per_ns": 10, "bytes_per_ns": 2}, "conv/int8": {"macs_per_ns": 40, "bytes_per_ns": 2},
  "depthwise/f32": {"macs_per_ns": 10, "bytes_per_ns": 2}, "depthwise/int8": {"macs_per_ns": 10, "bytes_per_ns": 2},
  "matmul/f32": {"macs_per_ns": 10, "bytes_per_ns": 2}, "matmul/int8": {"macs_per_ns": 40, "bytes_per_ns": 2}}}
//--- short.json
{"cpu": "mine", "kernels": {"conv/f32": {"macs_per_ns": 10, "bytes_per_ns": 2}}}
//--- zero.json
{"cpu": "mine", "kernels": {"conv/f32": {"macs_per_ns": 0, "bytes_per_ns": 2}}}
