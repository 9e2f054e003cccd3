// Nothing is lost where the weights are levels of the format; more is lost in fewer bits.
// RUN: quant-opt %s --mpq-sites=formats=int2,int4 --mpq-sensitivity=metric=@name@ | FileCheck %s

// CHECK: mpq.site %{{.*}} "exact"
// CHECK-SAME: #mpq.int<2>, bytes = 10, error = 0.000000e+00, metric = "@name@"
// CHECK-SAME: #mpq.int<4>, bytes = 12, error = 0.000000e+00, metric = "@name@"
// CHECK: mpq.site %{{.*}} "lossy"
// CHECK-SAME: #mpq.int<2>, bytes = 10, error = {{[1-9]}}
// CHECK-SAME: #mpq.int<4>, bytes = 12, error = 0.000000e+00
func.func @main(%x: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %0 = onnx.Constant {value = dense<[[-2.0, -1.0, 0.0, 1.0], [1.0, 0.0, -1.0, -2.0]]> : tensor<2x4xf32>} : tensor<2x4xf32> loc("exact")
  %1 = onnx.Constant {value = dense<[[-8.0, -1.0, 3.0, 7.0], [-8.0, 2.0, -3.0, 5.0]]> : tensor<2x4xf32>} : tensor<2x4xf32> loc("lossy")
  %2 = onnx.Gemm(%x, %0) {transB = 1} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %3 = onnx.Gemm(%x, %1) {transB = 1} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %2, %3 : tensor<1x2xf32>, tensor<1x2xf32>
}
