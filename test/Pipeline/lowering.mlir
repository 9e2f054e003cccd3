// A convolution with its activation through all stages below `onnx`.
// RUN: quant-opt %s --mpq-lowering-pipeline | FileCheck %s --check-prefix=LOWERED
// RUN: quant-opt %s --mpq-lowering-pipeline --mpq-bufferization-pipeline | FileCheck %s --check-prefix=BUFFERIZED
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-lowering-pipeline,mpq-bufferization-pipeline,mpq-kernel-pipeline{pack=false steps=true})' \
// RUN:   | FileCheck %s --check-prefix=KERNELIZED
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-lowering-pipeline,mpq-bufferization-pipeline,mpq-kernel-pipeline)' \
// RUN:   | quant-opt --pass-pipeline='builtin.module(mpq-llvm-pipeline{suffix=_7})' \
// RUN:   | FileCheck %s --check-prefix=LLVM

module attributes {mpq.vector_bits = 256 : i64, mpq.features = ["fma"]} {
  // The layout pass gives the input the border that the kernel reads, and the
  // activation is part of the convolution.
  // LOWERED-LABEL: @main
  // LOWERED: mpq.convert {{.*}}#mpq.blocked<1x8x4x4, block = 8, border = [1, 1, 1, 1]>
  // LOWERED: %[[P:.*]] = mpq.pack %{{.*}} "w" with @pack_conv_f32_0 : tensor<8x8x3x3xf32> -> tensor<{{.*}}xi8>
  // LOWERED: mpq.conv ins(%{{.*}}, %[[P]]
  // LOWERED-SAME: clamp = #mpq.range<0.000000e+00, inf>
  // LOWERED-SAME: family = "conv_f32"

  // BUFFERIZED: mpq.slot "w" at 0 size {{.*}} packed by @pack_conv_f32_0
  // BUFFERIZED-LABEL: @main(
  // BUFFERIZED-SAME: %[[WEIGHTS:[a-z0-9]*]]: memref<{{.*}}xi8>, %{{.*}}: memref<64xi8>, %[[ARENA:[a-z0-9]*]]: memref<
  // BUFFERIZED-NOT: memref.alloc
  // BUFFERIZED: mpq.conv
  // BUFFERIZED: func.func @prepare

  // KERNELIZED-DAG: func.func private @conv_f32_0(%{{.*}}: memref<1x1x6x6x8xf32> {llvm.noalias}
  // KERNELIZED-DAG: func.func @step_0({{.*}}mpq.step_slots

  // LLVM: llvm.func @mpq_run_7(%{{.*}}: !llvm.ptr)
  func.func @main(%x: tensor<1x8x4x4xf32> {onnx.name = "x"}) -> (tensor<1x8x4x4xf32> {onnx.name = "y"}) {
    %w = onnx.Constant {value = dense<0.5> : tensor<8x8x3x3xf32>} : tensor<8x8x3x3xf32> loc("w")
    %0 = onnx.Conv(%x, %w) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}
        : (tensor<1x8x4x4xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x4x4xf32>
    %1 = onnx.Relu(%0) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
    return %1 : tensor<1x8x4x4xf32>
  }
}
