// RUN: quant-opt %s --split-input-file --verify-diagnostics --mpq-gpu-lowering-pipeline --mpq-emit-gpu-kernels

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %w = mpq.constant dense<17> : tensor<24xi8> as <4x4, axis 1, #mpq.int<4>>
    %e = tensor.empty() : tensor<1x4xf32>
    %0 = mpq.matmul ins(%x, %w : tensor<1x4xf32>, !mpq.tensor<4x4, axis 1, #mpq.int<4>>) outs(%e : tensor<1x4xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 4, 4>} -> tensor<1x4xf32>
    // expected-error @below {{has no kernel for GPUs; only matrix products with weights of at most 4 bits have}}
    %1 = onnx.Tanh(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
    return %1 : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %w = onnx.Constant {value = dense<0.5> : tensor<4x4xf32>} : tensor<4x4xf32>
    // expected-error @below {{is accepted by no kernel family}}
    // expected-note @below {{matmul_w4a16: the weight is float; it has to be quantized to at most 4 bits}}
    %0 = onnx.MatMul(%x, %w) : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %w = mpq.constant dense<17> : tensor<32xi8> as <4x4, axis 1, #mpq.int<8>>
    %e = tensor.empty() : tensor<1x4xf32>
    // expected-error @below {{is accepted by no kernel family}}
    // expected-note @below {{matmul_w4a16: the weight is int8; integers of at most 4 bits are supported}}
    %0 = mpq.matmul ins(%x, %w : tensor<1x4xf32>, !mpq.tensor<4x4, axis 1, #mpq.int<8>>) outs(%e : tensor<1x4xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 4, 4>} -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.gpu = {capability = 75 : i64, processors = 40 : i64, shared_bytes = 65536 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %w = mpq.constant dense<17> : tensor<24xi8> as <4x4, axis 1, #mpq.int<4>>
    %e = tensor.empty() : tensor<1x4xf32>
    // expected-error @below {{is accepted by no kernel family}}
    // expected-note @below {{matmul_w4a16: sm_75 has no asynchronous copies; sm_80 and later have}}
    %0 = mpq.matmul ins(%x, %w : tensor<1x4xf32>, !mpq.tensor<4x4, axis 1, #mpq.int<4>>) outs(%e : tensor<1x4xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 4, 4>} -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}
