// RUN: quant-opt %s --mpq-verify-lowered --split-input-file --verify-diagnostics

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x8xf32> {
    %w = arith.constant dense<0.5> : tensor<8x4xf32>
    %p = mpq.pack %w "w" with @pack : tensor<8x4xf32> -> tensor<128xi8>
    %e = tensor.empty() : tensor<1x8xf32>
    %0 = mpq.matmul ins(%x, %p : tensor<1x4xf32>, tensor<128xi8>) outs(%e : tensor<1x8xf32>)
      {weight_shape = array<i64: 8, 4>, family = "matmul_f32"} -> tensor<1x8xf32>
    return %0 : tensor<1x8xf32>
  }
  func.func private @pack(memref<8x4xf32>, memref<128xi8>)
}

// -----

// expected-error @below {{lacks the attribute 'mpq.target'}}
module {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    return %x : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    // expected-error @below {{is of an earlier stage; run mpq-lowering-pipeline}}
    %0 = onnx.Relu(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x8xf32> {
    %w = arith.constant dense<0.5> : tensor<8x4xf32>
    %e = tensor.empty() : tensor<1x8xf32>
    // expected-error @below {{reads a weight that is not packed; run mpq-pack-weights}}
    %0 = mpq.matmul ins(%x, %w : tensor<1x4xf32>, tensor<8x4xf32>) outs(%e : tensor<1x8xf32>)
      {weight_shape = array<i64: 8, 4>, family = "matmul_f32"} -> tensor<1x8xf32>
    return %0 : tensor<1x8xf32>
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %w = arith.constant dense<0.5> : tensor<8x4xf32>
    // expected-error @below {{packs with @none, which is not a function of the module}}
    %p = mpq.pack %w "w" with @none : tensor<8x4xf32> -> tensor<128xi8>
    return %x : tensor<1x4xf32>
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>, %w: tensor<8x4xf32>) -> tensor<1x4xf32> {
    // expected-error @below {{packs 'w', which is not a constant}}
    %p = mpq.pack %w "w" with @pack : tensor<8x4xf32> -> tensor<128xi8>
    return %x : tensor<1x4xf32>
  }
  func.func private @pack(memref<8x4xf32>, memref<128xi8>)
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
  func.func @main(%x: tensor<1x4xf32>, %n: index) -> tensor<1x4xf32> {
    // expected-error @below {{makes 'tensor<?x4xf32>', whose shape is not static}}
    %e = tensor.empty(%n) : tensor<?x4xf32>
    return %x : tensor<1x4xf32>
  }
}
