// RUN: quant-opt %s --mpq-emit-kernels --split-input-file --verify-diagnostics

// What a family says that it cannot build fails the pass; --verify-diagnostics would pass if it went on, since it expects
// this error: so what it prints is checked, too.
// RUN: not quant-opt %s --mpq-emit-kernels --split-input-file 2>/dev/null | FileCheck %s --allow-empty
// CHECK-NOT: func.func

module attributes {mpq.target = #mpq.target<"x86-64", "">, mpq.vector_bits = 512 : i64, mpq.features = ["avx512f"],
                   mpq.tiles = {matmul_packed = 8 : i64}} {
  func.func @main(%x: memref<2x64xf32>, %w: memref<640xi8>, %y: memref<2x16xf32>) {
    // expected-error @below {{cannot be cut as 'mpq.tiles' of its module says: 8 : i64 is no list of tiles}}
    mpq.matmul ins(%x, %w : memref<2x64xf32>, memref<640xi8>) outs(%y : memref<2x16xf32>)
      {family = "matmul_packed", weight_axis = 0 : i64, weight_shape = array<i64: 16, 64>, input_quant = #mpq.uniform<dynamic>,
       mpq.packed_layout = #mpq.packed<rows = 16, k = 64, bits = 4, group = 32, step = 1, low = -8, scale_bits = 16, zero_points = false>}
    return
  }
}
