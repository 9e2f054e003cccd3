// RUN: quant-opt %s --mpq-verify-bufferized --split-input-file --verify-diagnostics

#target = #mpq.target<"skylake", "+avx2,+fma">
#interface = #mpq.interface<("x" : tensor<?x4xf32>) -> ("y" : tensor<?x4xf32>), sample_parallel>

module attributes {mpq.target = #target, mpq.interface = #interface} {
  mpq.slot "w" at 0 size 64 packed by @pack from dense<0.5> : tensor<16xf32>
  func.func private @pack(memref<16xf32>, memref<64xi8>)
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>, %x: memref<1x4xf32>, %y: memref<1x4xf32>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 64 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 64 : i64} {
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

// expected-error @below {{lacks the attribute 'mpq.interface'}}
module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">} {
}

// -----

#interface = #mpq.interface<("x" : tensor<?x4xf32>) -> ("y" : tensor<?x4xf32>), sample_parallel>
module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #interface} {
  // expected-error @below {{has 4 arguments and 0 results when the interface has 5 and 0}}
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>, %x: memref<1x4xf32>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 0 : i64} {
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

#interface = #mpq.interface<("x" : tensor<?x4xf32>) -> ()>
module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #interface} {
  // expected-error @below {{argument 3 is of type 'memref<1x4xi32>' when it should be a memref of 'f32'}}
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>, %x: memref<1x4xi32>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 0 : i64} {
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  // expected-error @below {{'w' has 64 bytes at 64 when 'weights' has 64}}
  mpq.slot "w" at 64 size 64 packed by @pack from dense<0.5> : tensor<16xf32>
  func.func private @pack(memref<16xf32>, memref<64xi8>)
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 64 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 0 : i64} {
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 0 : i64} {
    // expected-error @below {{allocates memory while the model runs; run mpq-plan-memory}}
    %0 = memref.alloc() : memref<4xf32>
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = 0 : i64} {
    // expected-error @below {{works on 'tensor<4xf32>'; run mpq-bufferization-pipeline}}
    %0 = tensor.empty() : tensor<4xf32>
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}

// -----

#interface = #mpq.interface<("x" : tensor<?x4xf32>) -> ("y" : tensor<?x4xf32>), sample_parallel>
module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #interface} {
  // expected-error @below {{attribute 'mpq.arena_bytes' is -64 : i64 when it should be a number of bytes}}
  func.func @main(%w: memref<64xi8>, %p: memref<64xi8>, %a: memref<64xi8>, %x: memref<1x4xf32>, %y: memref<1x4xf32>)
      attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                  mpq.arena_bytes = -64 : i64} {
    return
  }
  func.func @prepare(%w: memref<64xi8>, %p: memref<64xi8>) attributes {mpq.entry = "mpq_prepare"} {
    return
  }
}
