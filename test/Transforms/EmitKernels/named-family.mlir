// RUN: quant-opt %s --mpq-emit-kernels --split-input-file --verify-diagnostics

// IR can be written by hand, or be meant for another CPU: the family that an op names is asked before it builds a kernel.

// Of another op; the site is the name in the model.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 128 : i64} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @unknown {{'mpq.matmul' op at 'fc1.weight' names the kernel family 'conv_f32', which does not accept it: the op is mpq.matmul, not mpq.conv}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "conv_f32", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>} loc("fc1.weight")
    return
  }
}

// -----

// Not known.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 128 : i64} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'blas'; known: attention,}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "blas", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// For other machines.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 128 : i64} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_w4a16', which does not accept it: it is for GPUs, the module for CPUs}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_w4a16", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// For another CPU.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 128 : i64} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_vnni', which does not accept it: the target lacks avx512vnni}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_vnni", input_quant = #mpq.uniform<dynamic>, weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// For other activations.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_vnni', which does not accept it: the input is f32}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_vnni", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// A weight that is not packed for it.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_packed', which does not accept it: lacks the attribute 'mpq.packed_layout' as #mpq.packed, which mpq-pack-weights gives it}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_packed", input_quant = #mpq.uniform<dynamic>, weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// Packed as for another family.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_lut', which does not accept it: lacks the attribute 'mpq.packed_layout' as #mpq.packed_lut}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_lut", mpq.packed_layout = #mpq.packed<rows = 16, k = 64, bits = 4, group = 32, step = 1, low = -8, scale_bits = 16, zero_points = false>, weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// Packed as another weight.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{'mpq.packed_layout' is of 32 x 64 weights, the op has 16 x 64}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_packed", input_quant = #mpq.uniform<dynamic>, mpq.packed_layout = #mpq.packed<rows = 32, k = 64, bits = 4, group = 32, step = 1, low = -8, scale_bits = 16, zero_points = false>, weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// Codes that its tables are not for.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f", "avx512bw", "avx512vnni"]} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<4096xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{names the kernel family 'matmul_lookup_f32', which does not accept it: tables of sums are for codes of 1 or 2 bits, not 4}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<4096xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_lookup_f32", mpq.packed_layout = #mpq.packed<rows = 16, k = 64, bits = 4, group = 32, step = 1, low = -8, scale_bits = 16, zero_points = false>, weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>}
    return
  }
}

// -----

// Linalg ops may name one, too.
module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 128 : i64} {
  func.func @main(%x: memref<8xf32>, %y: memref<8xf32>) {
    // expected-error @below {{names the kernel family 'softmax', which does not accept it: implements mpq.softmax only}}
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) attrs = {family = "softmax"} {
    ^bb0(%a: f32, %b: f32):
      linalg.yield %a : f32
    }
    return
  }
}
