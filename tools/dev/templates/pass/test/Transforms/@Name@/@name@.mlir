// Sites and their weights are counted, and nothing changes.
// RUN: quant-opt %s --mpq-@name@ --remarks-filter=mpq-@name@ --remark-policy=all 2>&1 | FileCheck %s
// RUN: quant-opt %s --mpq-@name@=min-weights=33 --remarks-filter=mpq-@name@ --remark-policy=all 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not quant-opt %s --mpq-@name@=min-weights=-1 2>&1 | FileCheck %s --check-prefix=WRONG

// CHECK: "2 sites of at least 0 weights, 160 weights in all"
// LARGE: "1 sites of at least 33 weights, 128 weights in all"
// WRONG: error: min-weights is -1 when it should be at least 0
func.func @main(%a: tensor<8x16xf32>, %b: tensor<8x4xf32>) -> (tensor<8x16xf32>, tensor<8x4xf32>) {
  // CHECK: mpq.site %{{.*}} "a"
  %0 = mpq.site %a "a" axis 0 candidates [] : tensor<8x16xf32>
  %1 = mpq.site %b "b" axis 0 candidates [] : tensor<8x4xf32>
  return %0, %1 : tensor<8x16xf32>, tensor<8x4xf32>
}
