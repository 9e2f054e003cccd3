// RUN: quant-opt %s --mpq-set-stage=stage=calibrated | FileCheck %s
// CHECK: module attributes {mpq.stage = #mpq.stage<calibrated>}

// A pipeline that is run on what does not come before it ends in an error, not in a file that says to be of its stage.
// RUN: not quant-opt %s --mpq-set-stage=stage=lowered 2>&1 | FileCheck %s --check-prefix=LOWERED
// LOWERED: error: 'onnx.Relu' op is left when the stage is to be 'lowered'; run mpq-lowering-pipeline first
// RUN: not quant-opt %s --mpq-kernel-pipeline 2>&1 | FileCheck %s --check-prefix=KERNELS
// KERNELS: error: 'onnx.Relu' op is left when the stage is to be 'kernelized'; run mpq-lowering-pipeline first
// RUN: not quant-opt %s --mpq-llvm-pipeline 2>&1 | FileCheck %s --check-prefix=LLVM
// LLVM: error: 'onnx.Relu' op is left when the stage is to be 'llvm'; run mpq-lowering-pipeline first
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = onnx.Relu(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
