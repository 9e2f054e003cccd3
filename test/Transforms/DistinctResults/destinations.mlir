// RUN: quant-opt %s --mpq-distinct-results | FileCheck %s

// Each op writes to a buffer of its own.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: tensor.empty() : tensor<4xf32>
// CHECK: linalg.exp {{.*}}outs(%[[FIRST:.*]] : tensor<4xf32>)
// CHECK-NOT: outs(%[[FIRST]] :
// CHECK: linalg.exp {{.*}}outs(
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %z = linalg.exp ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}
