// Times by the rates of a table: what a kernel does or what its weights take to arrive, whatever is longer.
// RUN: split-file %s %t
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=znver4 table=%t/table.json dynamic-size=10})' | FileCheck %s

// 8 x 8 pixels of 4 channels, which take 16 lanes, 27 products each: 27648 multiply-adds at .1 or .02 ns; 192 inputs at .5,
// 1024 outputs at 1.
// CHECK: "conv" {{.*}}activations = f32, bytes = 72, ns = 3985>{{.*}}activations = int8, bytes = 72, ns = 1673>
// One row of 64 x 64: 4096 multiply-adds at .1; with int8 the weights of 64 rows and 8 bytes more for each take longer.
// CHECK: "row" {{.*}}activations = f32, bytes = 2304, ns = 510>{{.*}}activations = int8, bytes = 2304, ns = 46>
// Ten rows, which is what an unknown number counts, half way between 1 and 100 rows: 4196 and 2788 ns. Two ops read the weight.
// CHECK: "rows" {{.*}}ns = 6984>

// The tables that MPQ comes with.
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=znver4})' | FileCheck %s --check-prefix=BUILTIN
// BUILTIN-COUNT-5: ns = {{[1-9][0-9]*}}
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=bdver4})' --remarks-filter=mpq-predict-cost --remark-policy=all 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: Reason="there is none for bdver4", Remark="times are predicted with the table of {{.*}}"

// A table that may not hold is used, with a warning.
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=haswell table=%t/table.json})' 2>&1 | FileCheck %s --check-prefix=FOREIGN
// FOREIGN: warning: the times of the cost table '{{.*}}table.json' may not hold: it is for znver4 and not for haswell
// RUN: sed 's/"kernels_version": 3/"kernels_version": 0/' %t/table.json > %t/old.json
// RUN: quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{cpu=znver4 table=%t/old.json})' 2>&1 | FileCheck %s --check-prefix=OLD
// OLD: warning: {{.*}}old.json' may not hold: it is for version 0 of the kernels and not for 3

// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/nowhere.json})' 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: error: cannot read the cost table '{{.*}}nowhere.json'
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/m.mlir})' 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: error: {{.*}}m.mlir:
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/short.json})' 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: error: {{.*}}short.json: there is no 'schema' when this compiler reads 4; write the table anew with quant-bench --tune
// RUN: sed 's/"ns_per_mac": 0.1/"ns_per_mac": -1/' %t/table.json > %t/negative.json
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/negative.json})' 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: {{.*}}negative.json: 'ns_per_mac' of kernel 'conv_f32' is not a number that is at least 0
// RUN: sed 's/"rows": 100/"rows": 0.5/' %t/table.json > %t/unsorted.json
// RUN: not quant-opt %t/m.mlir --pass-pipeline='builtin.module(mpq-predict-cost{table=%t/unsorted.json})' 2>&1 | FileCheck %s --check-prefix=UNSORTED
// UNSORTED: error: {{.*}}unsorted.json: the rates of kernel 'matmul_f32' are not sorted by bits and rows
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
{"schema": 4, "kernels_version": 3, "ns_per_turn": 0, "cpu": "znver4", "memories": [{"bytes_per_ns": 100}],
 "kernels": {
  "conv_f32": [{"rows": 1, "bits": 32, "ns_per_call": 100, "ns_per_mac": 0.1, "ns_per_input": 0.5, "ns_per_output": 1, "ns_per_far_byte": 0, "ns_per_dram_byte": 0}],
  "conv_vnni": [{"rows": 1, "bits": 8, "ns_per_call": 0, "ns_per_mac": 0.02, "ns_per_input": 0.5, "ns_per_output": 1, "ns_per_far_byte": 0, "ns_per_dram_byte": 0}],
  "matmul_f32": [{"rows": 1, "bits": 32, "ns_per_call": 100, "ns_per_mac": 0.1, "ns_per_input": 0, "ns_per_output": 0, "ns_per_far_byte": 0, "ns_per_dram_byte": 0},
                 {"rows": 100, "bits": 32, "ns_per_call": 100, "ns_per_mac": 0.05, "ns_per_input": 0, "ns_per_output": 1, "ns_per_far_byte": 0, "ns_per_dram_byte": 0}],
  "matmul_vnni": [{"rows": 1, "bits": 8, "ns_per_call": 0, "ns_per_mac": 0.001, "ns_per_input": 0, "ns_per_output": 0, "ns_per_far_byte": 0, "ns_per_dram_byte": 0}]}}
//--- short.json
{"cpu": "mine", "kernels": {"conv/f32": {"macs_per_ns": 10, "bytes_per_ns": 2}}}
