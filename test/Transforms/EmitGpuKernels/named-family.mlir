// RUN: quant-opt %s --mpq-emit-gpu-kernels --split-input-file --verify-diagnostics

// The family that an op names is asked before it builds kernels.

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %e = tensor.empty() : tensor<1x4xf32>
    // expected-error @below {{names the kernel family 'softmax', which does not accept it: it is for CPUs, the module for GPUs}}
    %0 = mpq.softmax ins(%x : tensor<1x4xf32>) outs(%e : tensor<1x4xf32>) {family = "softmax"} -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %e = tensor.empty() : tensor<1x4xf32>
    // expected-error @below {{names the kernel family 'matmul_w4a16', which does not accept it: the op is mpq.softmax; on a GPU only}}
    %0 = mpq.softmax ins(%x : tensor<1x4xf32>) outs(%e : tensor<1x4xf32>) {family = "matmul_w4a16"} -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}
