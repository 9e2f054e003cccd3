// A file with one op that something fails on becomes a file with little else.
// REQUIRES: compiler
// RUN: chmod +x %S/Inputs/has-softmax.sh
// RUN: quant-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/has-softmax.sh' | FileCheck %s

// CHECK-NOT:  onnx.Relu
// CHECK-NOT:  onnx.Neg
// CHECK:      func.func @main
// CHECK-NEXT: %[[Y:.*]] = onnx.Softmax(%{{.*}})
// CHECK-NOT:  onnx.
func.func @other(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = onnx.Neg(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = onnx.Relu(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = onnx.Neg(%0) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = onnx.Softmax(%1) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = onnx.Add(%2, %1) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = onnx.Relu(%3) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %4 : tensor<2x3xf32>
}
