// Parts of buffers are copied by loops, whole ones as they are.
// RUN: quant-opt %s --mpq-copy-by-loops | FileCheck %s

// CHECK-LABEL: func @part
func.func @part(%x: memref<4x8xf32>, %y: memref<4x2xf32>) {
  // CHECK: linalg.copy ins(%{{.*}} : memref<4x2xf32, strided<[8, 1]>>) outs(%{{.*}} : memref<4x2xf32>)
  %part = memref.subview %x[0, 0] [4, 2] [1, 1] : memref<4x8xf32> to memref<4x2xf32, strided<[8, 1]>>
  memref.copy %part, %y : memref<4x2xf32, strided<[8, 1]>> to memref<4x2xf32>
  return
}

// CHECK-LABEL: func @whole
func.func @whole(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  // CHECK: memref.copy
  memref.copy %x, %y : memref<?x8xf32> to memref<?x8xf32>
  return
}
