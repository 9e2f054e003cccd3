// Two weights of 8 x 16. 5 bits of each are 160 bytes; what 32 bytes buy is more at "b" than at "a".
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{max-bytes=160})' --remarks-filter=mpq-allocate --remark-policy=all 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{avg-bits=5 allocator=brute-force})' | FileCheck %s

// Of two budgets the smaller one holds, and a budget is never exceeded.
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{avg-bits=8 max-bytes=159})' | FileCheck %s --check-prefix=SMALL
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{avg-bits=4.99 max-bytes=1000})' | FileCheck %s --check-prefix=SMALL
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-allocate{avg-bits=1e300})' | FileCheck %s --check-prefix=LARGE

// CHECK: mpq.site %{{.*}} "a" axis 0 choice 0 candidates
// CHECK: mpq.site %{{.*}} "b" axis 0 choice 1 candidates
// SMALL-COUNT-2: choice 0 candidates
// LARGE-COUNT-2: choice 1 candidates
// REMARK-DAG: "site 'a' gets int2", bits=4.000000e+00, bytes=64, error=1.000000e+00
// REMARK-DAG: "site 'b' gets int4", bits=6.000000e+00, bytes=96, error=5.000000e-01
// REMARK-DAG: "2 sites by pareto", averageBits=5.000000e+00, bound={{.*}}, bytes=160, error=1.500000e+00, limit=160, ns=0, optimal=true, weights=256
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
