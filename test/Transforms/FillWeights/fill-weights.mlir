// RUN: quant-opt %s --mpq-fill-weights --split-input-file --verify-diagnostics | FileCheck %s

// Weights are packed into the bytes that @main reads.
// CHECK: mpq.weights = dense_resource<weights> : tensor<64xi8>
module {
  mpq.slot "w" at 0 size 64 packed by @pack from dense<1.0> : tensor<2xf32>
  func.func private @pack(%from: memref<2xf32>, %to: memref<64xi8>) {
    return
  }
  func.func @main() attributes {mpq.weights_bytes = 64 : i64} {
    return
  }
}

// -----

// No process asks for what a file says that weights take.
// expected-error @below {{'mpq.weights_bytes' is 9223372036854775807 when the weights take 64 bytes}}
module {
  mpq.slot "w" at 0 size 64 packed by @pack from dense<1.0> : tensor<2xf32>
  func.func private @pack(%from: memref<2xf32>, %to: memref<64xi8>) {
    return
  }
  func.func @main() attributes {mpq.weights_bytes = 0x7FFFFFFFFFFFFFFF : i64} {
    return
  }
}

// -----

// expected-error @below {{'mpq.weights_bytes' is -9223372036854775808 when the weights take 0 bytes}}
module {
  func.func @main() attributes {mpq.weights_bytes = -0x8000000000000000 : i64} {
    return
  }
}

// -----

// expected-error @below {{'mpq.weights_bytes' is 64 when the weights take 128 bytes}}
module {
  mpq.slot "w" at 64 size 64 packed by @pack from dense<1.0> : tensor<2xf32>
  func.func private @pack(%from: memref<2xf32>, %to: memref<64xi8>) {
    return
  }
  func.func @main() attributes {mpq.weights_bytes = 64 : i64} {
    return
  }
}
