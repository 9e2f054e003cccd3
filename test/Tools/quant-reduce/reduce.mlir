// What something fails on stays, and what a pass can take away without mending the fault goes.
// REQUIRES: compiler
// RUN: quant-reduce %s --opt-reduction-pass='opt-pass=symbol-dce test=%S/Inputs/has-softmax.sh' | FileCheck %s

// CHECK-NOT: @other
// CHECK:     func.func @main
// CHECK:     onnx.Softmax
func.func private @other(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = onnx.Neg(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = onnx.Softmax(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
