// What lowering cannot do is said at the op.
// RUN: quant-opt %s --split-input-file --verify-diagnostics --mpq-lowering-pipeline

func.func @conv3d(%x: tensor<1x1x4x4x4xf32>) -> tensor<1x1x4x4x4xf32> {
  %w = onnx.Constant {value = dense<0.5> : tensor<1x1x1x1x1xf32>} : tensor<1x1x1x1x1xf32>
  // expected-error @below {{convolves 3 spatial dimensions; 1 and 2 are supported}}
  %0 = onnx.Conv(%x, %w) : (tensor<1x1x4x4x4xf32>, tensor<1x1x1x1x1xf32>) -> tensor<1x1x4x4x4xf32>
  return %0 : tensor<1x1x4x4x4xf32>
}

// -----

func.func @weight_is_an_input(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32> {
  // expected-error @below {{has a weight that is not a constant}}
  %0 = onnx.Conv(%x, %w) : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}
