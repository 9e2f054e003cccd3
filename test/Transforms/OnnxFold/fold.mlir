// Constants, BatchNormalization, and ops that do nothing.
// RUN: quant-opt %s --split-input-file --mpq-onnx-fold | FileCheck %s

// scale / sqrt(var + epsilon) is [2, 3]: 4 / sqrt(4), 3 / sqrt(1).
// CHECK-LABEL: func @batch_norm_into_conv
func.func @batch_norm_into_conv(%x: tensor<?x1x4x4xf32>) -> tensor<*xf32> {
  // CHECK-DAG: %[[W:.*]] = onnx.Constant {value = dense_resource<[[KW:.*]]> : tensor<2x1x1x1xf32>}
  // CHECK-DAG: %[[B:.*]] = onnx.Constant {value = dense_resource<[[KB:.*]]> : tensor<2xf32>}
  // CHECK: onnx.Conv(%{{.*}}, %[[W]], %[[B]]) {kernel_shape = [1, 1]}
  // CHECK-NOT: onnx.BatchNormalization
  %w = onnx.Constant {value = dense<[[[[1.0]]], [[[2.0]]]]> : tensor<2x1x1x1xf32>} : tensor<2x1x1x1xf32> loc("w")
  %b = onnx.Constant {value = dense<[10.0, 20.0]> : tensor<2xf32>} : tensor<2xf32> loc("b")
  %scale = onnx.Constant {value = dense<[4.0, 3.0]> : tensor<2xf32>} : tensor<2xf32>
  %beta = onnx.Constant {value = dense<[0.5, 0.25]> : tensor<2xf32>} : tensor<2xf32>
  %mean = onnx.Constant {value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
  %var = onnx.Constant {value = dense<[4.0, 1.0]> : tensor<2xf32>} : tensor<2xf32>
  %0 = onnx.Conv(%x, %w, %b) {kernel_shape = [1, 1]} : (tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<*xf32>
  %1 = onnx.BatchNormalization(%0, %scale, %beta, %mean, %var) {epsilon = 0.0} : (tensor<*xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}
// Weights 2 and 6; biases (10 - 1) * 2 + 0.5 = 18.5 and (20 - 2) * 3 + 0.25 = 54.25.
// CHECK-DAG: [[KW]]: "0x{{[0-9A-F]*}}000000400000C040"
// CHECK-DAG: [[KB]]: "0x{{[0-9A-F]*}}0000944100005942"

// -----

// With another user of the Conv, it becomes a Mul and an Add.
// CHECK-LABEL: func @batch_norm_alone
func.func @batch_norm_alone(%x: tensor<?x2x4x4xf32>) -> tensor<*xf32> {
  // CHECK: %[[M:.*]] = onnx.Mul(%{{.*}}) : (tensor<?x2x4x4xf32>, tensor<2x1x1xf32>)
  // CHECK: onnx.Add(%[[M]], %{{.*}}) : (tensor<?x2x4x4xf32>, tensor<2x1x1xf32>)
  %one = onnx.Constant {value = dense<1.0> : tensor<2xf32>} : tensor<2xf32>
  %1 = onnx.BatchNormalization(%x, %one, %one, %one, %one) : (tensor<?x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// Gemm with transB: rows are output channels.
// CHECK-LABEL: func @batch_norm_into_gemm
func.func @batch_norm_into_gemm(%x: tensor<?x2xf32>) -> tensor<*xf32> {
  // CHECK: %[[Y:.*]] = onnx.Gemm(%{{.*}}, %{{.*}}, %{{.*}}) {transB = 1}
  // CHECK-NEXT: return %[[Y]]
  %w = onnx.Constant {value = dense<1.0> : tensor<3x2xf32>} : tensor<3x2xf32>
  %one = onnx.Constant {value = dense<1.0> : tensor<3xf32>} : tensor<3xf32>
  %0 = onnx.Gemm(%x, %w) {transB = 1} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<*xf32>
  %1 = onnx.BatchNormalization(%0, %one, %one, %one, %one) : (tensor<*xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// CHECK-LABEL: func @bias
func.func @bias(%x: tensor<1x1x4x4xf32>, %w: tensor<2x1x1x1xf32>) -> tensor<*xf32> {
  // CHECK: %[[B:.*]] = onnx.Constant {{.*}} : tensor<2xf32>
  // CHECK: %[[Y:.*]] = onnx.Conv(%{{.*}}, %{{.*}}, %[[B]])
  // CHECK-NEXT: return %[[Y]]
  %b = onnx.Constant {value = dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32>} : tensor<2x1x1xf32>
  %0 = onnx.Conv(%x, %w) : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<*xf32>
  %1 = onnx.Add(%0, %b) : (tensor<*xf32>, tensor<2x1x1xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// Shape arithmetic of a static model is all constants.
// CHECK-LABEL: func @shape_arithmetic
func.func @shape_arithmetic(%x: tensor<2x6xf32>) -> tensor<*xf32> {
  // CHECK: %[[S:.*]] = onnx.Constant {value = dense<[6, 2]> : tensor<2xi64>}
  // CHECK-NEXT: %[[Y:.*]] = onnx.Reshape(%{{.*}}, %[[S]])
  // CHECK-NEXT: return %[[Y]]
  %i = onnx.Constant {value = dense<[1, 0]> : tensor<2xi64>} : tensor<2xi64>
  %s = onnx.Shape(%x) : (tensor<2x6xf32>) -> tensor<*xi64>
  %t = onnx.Gather(%s, %i) : (tensor<*xi64>, tensor<2xi64>) -> tensor<*xi64>
  %y = onnx.Reshape(%x, %t) : (tensor<2x6xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// CHECK-LABEL: func @transpose
func.func @transpose() -> tensor<*xf32> {
  // CHECK-NOT: onnx.Transpose
  // CHECK: onnx.Constant {value = dense_resource<[[K:.*]]> : tensor<2x2xf32>}
  %w = onnx.Constant {value = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>} : tensor<2x2xf32> loc("w")
  %t = onnx.Transpose(%w) : (tensor<2x2xf32>) -> tensor<*xf32>
  return %t : tensor<*xf32>
}
// CHECK: [[K]]: "0x{{[0-9A-F]*}}0000803F000040400000004000008040"

// -----

// CHECK-LABEL: func @nothing_in_inference
func.func @nothing_in_inference(%x: tensor<?x6xf32>) -> tensor<*xf32> {
  // CHECK-NEXT: return %{{.*}} : tensor<?x6xf32>
  %0 = onnx.Identity(%x) : (tensor<?x6xf32>) -> tensor<*xf32>
  %1 = onnx.Dropout(%0) : (tensor<*xf32>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
}

// -----

// What the importer makes of Softmax of opset 12 and older.
// CHECK-LABEL: func @flattened_softmax
func.func @flattened_softmax(%x: tensor<?x4x6xf32>) -> tensor<*xf32> {
  // CHECK-NEXT: %[[Y:.*]] = onnx.Softmax(%{{.*}}) {axis = 2}
  // CHECK-NEXT: return %[[Y]]
  %0 = onnx.Flatten(%x) {axis = 2} : (tensor<?x4x6xf32>) -> tensor<*xf32>
  %1 = onnx.Softmax(%0) {axis = 1} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Shape(%x) : (tensor<?x4x6xf32>) -> tensor<*xi64>
  %3 = onnx.Reshape(%1, %2) : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}

// -----

// Rows of two dimensions stay as they are.
// CHECK-LABEL: func @flattened_softmax_of_matrix
func.func @flattened_softmax_of_matrix(%x: tensor<2x4x6xf32>) -> tensor<*xf32> {
  // CHECK: onnx.Flatten
  %0 = onnx.Flatten(%x) {axis = 1} : (tensor<2x4x6xf32>) -> tensor<*xf32>
  %1 = onnx.Softmax(%0) {axis = 1} : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Shape(%x) : (tensor<2x4x6xf32>) -> tensor<*xi64>
  %3 = onnx.Reshape(%1, %2) : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %3 : tensor<*xf32>
}
