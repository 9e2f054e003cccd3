// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-pack-weights)' | FileCheck %s
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-pack-weights,mpq-place-weights)' | FileCheck %s --check-prefix=PLACED

// A kernel that reads the payload gets it as it is, and is told the format; one that packs gets its own layout.
// CHECK-LABEL: @main
// CHECK: %[[T:.*]] = mpq.pack %{{.*}} "table" as_stored with @[[COPY:.*]] : !mpq.tensor<4x16, axis 0, #mpq.int<8>> -> tensor<128xi8>
// CHECK: mpq.gather ins(%{{.*}}, %[[T]]{{.*}}mpq.weight_format = #mpq.int<8>
// CHECK: %[[P:.*]] = mpq.pack %{{.*}} "head" with @[[PACK:.*]] : !mpq.tensor<16x4, axis 1, #mpq.int<8>>
// CHECK: mpq.matmul ins(%{{.*}}, %[[P]]
// CHECK: func.func private @[[COPY]](%{{.*}}: memref<80xi8>, %{{.*}}: memref<128xi8>)

// Both read the same bytes of the file.
// PLACED: mpq.slot "table" at 0 size 128 packed by @{{.*}} from dense_resource<table>
// PLACED: mpq.slot "head" prepared at 0 size {{.*}} from dense_resource<table> {{.*}}at 0
// PLACED: mpq.weights_bytes = 128
module attributes {mpq.vector_bits = 256 : i64, mpq.features = ["fma"]} {
  func.func @main(%i: tensor<1x2xi64>, %x: tensor<2x16xf32>) -> (tensor<1x2x16xf32>, tensor<2x4xf32>) {
    %t = mpq.constant dense_resource<table> : tensor<80xi8> as !mpq.tensor<4x16, axis 0, #mpq.int<8>> loc("table")
    %0 = tensor.empty() : tensor<1x2x16xf32>
    %1 = mpq.gather ins(%i, %t : tensor<1x2xi64>, !mpq.tensor<4x16, axis 0, #mpq.int<8>>) outs(%0 : tensor<1x2x16xf32>)
        {family = "gather", weight_shape = array<i64: 4, 16>} -> tensor<1x2x16xf32>
    %h = mpq.constant dense_resource<table> : tensor<80xi8> as !mpq.tensor<16x4, axis 1, #mpq.int<8>> loc("head")
    %2 = tensor.empty() : tensor<2x4xf32>
    %3 = mpq.matmul ins(%x, %h : tensor<2x16xf32>, !mpq.tensor<16x4, axis 1, #mpq.int<8>>) outs(%2 : tensor<2x4xf32>)
        {family = "matmul_f32", weight_shape = array<i64: 4, 16>} -> tensor<2x4xf32>
    return %1, %3 : tensor<1x2x16xf32>, tensor<2x4xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      table: "0x400000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    }
  }
#-}
