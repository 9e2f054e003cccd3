// A file with one op that something fails on becomes a file with little else.
// REQUIRES: compiler
// RUN: quant-reduce %s --bypass-ops=test=%S/Inputs/has-softmax.sh | FileCheck %s
// RUN: quant-reduce %s --opt-reduction-pass='opt-pass=symbol-dce test=%S/Inputs/has-softmax.sh' | FileCheck %s --check-prefix=DCE
// RUN: not quant-reduce %s --bypass-ops=test=/bin/true 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK-NOT:  @other
// CHECK:      func.func @main(%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: %{{.*}} = onnx.Softmax(%[[X]])
// CHECK-NEXT: return %[[X]]
// DCE-NOT: @other
// DCE: onnx.Softmax
// NONE: error: test '/bin/true' does not exit with 1 on the input
func.func private @other(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
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
