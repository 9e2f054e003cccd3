// RUN: quant-opt %s --mpq-gpu-lowering-pipeline --mpq-emit-gpu-kernels | FileCheck %s
// RUN: quant-opt %s --mpq-gpu-lowering-pipeline --mpq-nvvm-pipeline | FileCheck %s --check-prefix=NVVM

module attributes {mpq.gpu = {capability = 80 : i64, processors = 108 : i64, shared_bytes = 166912 : i64}} {
  // Two equal products share their kernels, and each has a place for its weight.
  // CHECK-DAG: mpq.slot "a" at 0 size 2304 packed by @[[PACK:pack_matmul_w4a16_[0-9]+]] from
  // CHECK-DAG: mpq.slot "b" at 2304 size 2304 packed by @[[PACK]] from

  // The number of rows is known, so there is one kernel.
  // CHECK-LABEL: func.func @main
  // CHECK: mpq.pack %{{.*}} "a" with @[[PACK]] {mpq.offset = 0 : i64}
  // CHECK: mpq.matmul
  // CHECK-SAME: mpq.launches = [{column_blocks = 1 : i64, kernel = @kernels::@matmul_w4a16_0_rows16, max_rows = 16 : i64,
  // CHECK-SAME: rows_per_block = 16 : i64, shared_bytes = 32768 : i64, splits = 1 : i64, threads = 128 : i64}]
  // CHECK: mpq.matmul
  // CHECK-SAME: kernel = @kernels::@matmul_w4a16_0_rows16
  func.func @main(%x: tensor<3x64xf32> {onnx.name = "x"}) -> (tensor<3x64xf32> {onnx.name = "y"}) {
    %a = mpq.constant dense<17> : tensor<2304xi8> as <64x64, axis 1, #mpq.int<4>> loc("a")
    %b = mpq.constant dense<34> : tensor<2304xi8> as <64x64, axis 1, #mpq.int<4>> loc("b")
    %e = tensor.empty() : tensor<3x64xf32>
    %0 = mpq.matmul ins(%x, %a : tensor<3x64xf32>, !mpq.tensor<64x64, axis 1, #mpq.int<4>>) outs(%e : tensor<3x64xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 64, 64>} -> tensor<3x64xf32>
    %1 = mpq.matmul ins(%0, %b : tensor<3x64xf32>, !mpq.tensor<64x64, axis 1, #mpq.int<4>>) outs(%e : tensor<3x64xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 64, 64>} -> tensor<3x64xf32>
    return %1 : tensor<3x64xf32>
  }
  // The packing functions write words and a factor per column.
  // CHECK: func.func private @[[PACK]](%{{.*}}: memref<2304xi8>, %{{.*}}: memref<2304xi8>)

  // CHECK: gpu.module @kernels
  // CHECK: llvm.mlir.global external @shared_memory() {addr_space = 3 : i32, alignment = 1024 : i64}
  // CHECK: gpu.func @matmul_w4a16_0_rows16(%{{.*}}: !llvm.ptr<1> {llvm.align = 16 : i64, llvm.noalias}
  // CHECK-SAME: i32, %{{.*}}: !llvm.ptr<1>) kernel attributes {known_block_size = array<i32: 128, 1, 1>}
  // CHECK: nvvm.cp.async.shared.global
  // CHECK: nvvm.cp.async.wait.group
  // CHECK: nvvm.ldmatrix
  // CHECK: lop3.b32
  // CHECK: nvvm.mma.sync
  // CHECK-NOT: gpu.func

  // NVVM: llvm.func @matmul_w4a16_0_rows16
  // NVVM-SAME: nvvm.kernel
  // NVVM-NOT: {{arith|scf|cf|gpu}}.{{[a-z]+ }}
}
