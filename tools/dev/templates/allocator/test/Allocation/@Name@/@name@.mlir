// What 32 bytes buy is more at "b" than at "a"; the budget is never exceeded, and the oracle agrees.
// RUN: quant-opt %s --mpq-allocate='max-bytes=160 allocator=@name@' | FileCheck %s
// RUN: quant-opt %s --mpq-allocate='max-bytes=160 allocator=brute-force' | FileCheck %s
// RUN: quant-opt %s --mpq-allocate='max-bytes=159 allocator=@name@' | FileCheck %s --check-prefix=SMALL
// RUN: quant-opt %s --mpq-allocate='max-bytes=192 allocator=@name@' | FileCheck %s --check-prefix=LARGE
// RUN: not quant-opt %s --mpq-allocate='max-bytes=127 allocator=@name@' 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK: mpq.site %{{.*}} "a" axis 0 choice 0 candidates
// CHECK: mpq.site %{{.*}} "b" axis 0 choice 1 candidates
// SMALL-COUNT-2: choice 0 candidates
// LARGE-COUNT-2: choice 1 candidates
// NONE: error: the limit is 127 bytes when all sites take 128 in their smallest candidates
func.func @main(%x: tensor<1x16xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  %0 = onnx.Constant {value = dense<0.5> : tensor<8x16xf32>} : tensor<8x16xf32>
  %a = mpq.site %0 "a" axis 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64, error = 1.0, metric = "kl">,
    #mpq.candidate<#mpq.int<4>, bytes = 96, error = 0.9, metric = "kl">] : tensor<8x16xf32>
  %1 = onnx.Constant {value = dense<0.25> : tensor<8x16xf32>} : tensor<8x16xf32>
  %b = mpq.site %1 "b" axis 0 candidates [#mpq.candidate<#mpq.int<2>, bytes = 64, error = 1.0, metric = "kl">,
    #mpq.candidate<#mpq.int<4>, bytes = 96, error = 0.5, metric = "kl">] : tensor<8x16xf32>
  %2 = onnx.Gemm(%x, %a) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  %3 = onnx.Gemm(%x, %b) {transB = 1} : (tensor<1x16xf32>, tensor<8x16xf32>) -> tensor<1x8xf32>
  return %2, %3 : tensor<1x8xf32>, tensor<1x8xf32>
}
