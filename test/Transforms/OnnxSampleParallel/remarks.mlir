// Why a function stays as it is: a remark names the op.
// RUN: quant-opt %s --split-input-file --mpq-onnx-sample --verify-diagnostics

func.func @softmax_over_batch(%x: tensor<1x8xf32>) -> tensor<*xf32> {
  // expected-remark @below {{compiled for the whole batch: 'onnx.Softmax' mixes samples}}
  %0 = onnx.Softmax(%x) {axis = 0} : (tensor<1x8xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @rows_of_all_samples(%x: tensor<1x4x8xf32>) -> tensor<*xf32> {
  %s = onnx.Constant {value = dense<[-1, 8]> : tensor<2xi64>} : tensor<2xi64>
  // expected-remark @below {{'onnx.Reshape' mixes samples}}
  %0 = onnx.Reshape(%x, %s) : (tensor<1x4x8xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @mean_by_batch_size(%x: tensor<1x8xf32>) -> tensor<*xf32> {
  %s = onnx.Size(%x) : (tensor<1x8xf32>) -> tensor<*xi64>
  %f = onnx.Cast(%s) {to = 1} : (tensor<*xi64>) -> tensor<*xf32>
  // expected-remark @below {{'onnx.Div' computes with the batch size}}
  %0 = onnx.Div(%x, %f) : (tensor<1x8xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-remark @below {{argument 0 has type 'tensor<8x8xf32>', dimension 0 is not a batch}}
func.func @fixed_batch(%x: tensor<8x8xf32>) -> tensor<*xf32> {
  %0 = onnx.Relu(%x) : (tensor<8x8xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func @returns_a_shape(%x: tensor<1x8xf32>) -> tensor<*xi64> {
  // expected-remark @below {{'onnx.Shape' is returned without the samples in dimension 0}}
  %0 = onnx.Shape(%x) : (tensor<1x8xf32>) -> tensor<*xi64>
  return %0 : tensor<*xi64>
}

// -----

// A dynamic batch that cannot be split stays dynamic.
func.func @dynamic_batch(%x: tensor<?x8xf32>) -> tensor<*xf32> {
  // expected-remark @below {{'onnx.Softmax' mixes samples}}
  %0 = onnx.Softmax(%x) {axis = 0} : (tensor<?x8xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-remark @below {{the batch 'N' is another dimension, too}}
func.func @square(%x: tensor<?x?xf32> {onnx.dims = ["N", "N"]}) -> tensor<*xf32> {
  %0 = onnx.Relu(%x) : (tensor<?x?xf32>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// A size that depends on what is in a tensor is an error.
// expected-remark @below {{argument 1 has type 'tensor<2xi64>', dimension 0 is not a batch}}
func.func @shape_as_data(%x: tensor<?x8xf32>, %s: tensor<2xi64>) -> tensor<*xf32> {
  // expected-error @below {{has the dynamic type 'tensor<?x?xf32>', whose sizes are no functions of the inputs' sizes}}
  %0 = onnx.Reshape(%x, %s) : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

// expected-remark @below {{there are no arguments}}
// expected-error @below {{result 0 has the type 'memref<2xf32>', which is no tensor of known rank}}
func.func @returns_memref() -> memref<2xf32> {
  %0 = memref.alloc() : memref<2xf32>
  return %0 : memref<2xf32>
}
