// Activations as a part of the choice: of the allocations that err by at most a tenth more than the best one, the fastest.
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192})' | FileCheck %s --check-prefix=NEAR
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 error-slack=0})' | FileCheck %s --check-prefix=BEST
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 error-slack=1})' | FileCheck %s --check-prefix=FAST

// A limit of time is kept, whatever it costs, and with room to spare nothing is given up.
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 max-ns=500})' | FileCheck %s --check-prefix=FAST
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 max-ns=1700})' | FileCheck %s --check-prefix=NEAR
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 max-ns=2000 error-slack=1})' | FileCheck %s --check-prefix=BEST
// RUN: not quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=192 max-ns=499})' 2>&1 | FileCheck %s --check-prefix=SLOW
// SLOW: error: the limit is 0.499 us when all sites take 0.500 in their fastest candidates
// It may be the only budget.
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-ns=500})' | FileCheck %s --check-prefix=FAST
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-ns=1700})' | FileCheck %s --check-prefix=NEAR

// NEAR: mpq.site %{{.*}} "a" axis 0 choice 1
// NEAR: mpq.site %{{.*}} "b" axis 0 choice 0
// BEST-COUNT-2: choice 0
// FAST-COUNT-2: choice 1
func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 candidates [
    #mpq.candidate<#mpq.int<4>, activations = f32, bytes = 96, ns = 400, error = 1.0, metric = "kl">,
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 96, ns = 100, error = 1.1, metric = "kl">] : tensor<8x16xf32>
  %1 = onnx.Constant {value = dense<0.25> : tensor<8x16xf32>} : tensor<8x16xf32>
  %b = mpq.site %1 "b" axis 0 candidates [
    #mpq.candidate<#mpq.int<4>, activations = f32, bytes = 96, ns = 1600, error = 1.0, metric = "kl">,
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 96, ns = 400, error = 1.5, metric = "kl">] : tensor<8x16xf32>
  %2 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %3 = onnx.Gemm(%x, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %2, %3 : tensor<1x8xf32>, tensor<1x8xf32>
}
