// RUN: quant-opt %s --mpq-distinct-results | FileCheck %s
// RUN: quant-opt %s --pass-pipeline='builtin.module(mpq-lowering-pipeline,mpq-bufferization-pipeline)' | FileCheck %s --check-prefix=BUFFERS

// CHECK: %[[Y:.*]] = onnx.Relu(%[[X:[a-z0-9]+]])
// CHECK: %[[A:.*]] = bufferization.alloc_tensor() copy(%[[Y]])
// CHECK: %[[B:.*]] = bufferization.alloc_tensor() copy(%[[X]])
// CHECK: return %[[Y]], %[[A]], %[[X]], %[[B]]

// Each result is written.
// BUFFERS: func.func @main(%{{.*}}, %{{.*}}, %{{.*}}, %[[X:.*]]: memref<1x4xf32>, %[[O0:.*]]: memref<1x4xf32>, %[[O1:.*]]: memref<1x4xf32>, %[[O2:.*]]: memref<1x4xf32>, %[[O3:.*]]: memref<1x4xf32>)
// BUFFERS-DAG: outs(%[[O0]]
// BUFFERS-DAG: memref.copy %{{.*}}, %[[O1]]
// BUFFERS-DAG: memref.copy %{{.*}}, %[[O2]]
// BUFFERS-DAG: memref.copy %{{.*}}, %[[O3]]
func.func @main(%x: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %y = onnx.Relu(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y, %y, %x, %x : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}
