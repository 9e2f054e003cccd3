// RUN: quant-opt %s --mpq-verify-kernelized --split-input-file --verify-diagnostics

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>,
                   mpq.weights = dense_resource<weights> : tensor<64xi8>} {
  func.func @main(%w: memref<64xi8>) attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 64 : i64,
                                                 mpq.prepared_bytes = 0 : i64, mpq.arena_bytes = 0 : i64} {
    return
  }
}

// -----

module {
  // expected-error @below {{has not become code; run mpq-kernel-pipeline}}
  mpq.slot "w" at 0 size 64 packed by @pack from dense<0.5> : tensor<16xf32>
  func.func private @pack(memref<16xf32>, memref<64xi8>)
}

// -----

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  // expected-error @below {{reads 64 bytes of weights when the module has 0}}
  func.func @main(%w: memref<64xi8>) attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 64 : i64,
                                                 mpq.prepared_bytes = 0 : i64, mpq.arena_bytes = 0 : i64} {
    return
  }
}
