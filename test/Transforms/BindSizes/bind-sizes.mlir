// The values of the symbols come in an array; dynamic arguments become pointers with computed sizes.
// RUN: quant-opt %s --mpq-bind-sizes --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: %{{.*}}: memref<64xi8>, %{{.*}}: memref<64xi8>, %[[SIZES:[a-z0-9]*]]: memref<2xi64>
// CHECK-SAME: %[[X:[a-z0-9]*]]: memref<1xf32> {{.*}}, %[[Y:[a-z0-9]*]]: memref<8xf32>
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>,
                %x: memref<?x?x4xf32> {mpq.sizes = affine_map<()[s0, s1] -> (s1, s0, 4)>},
                %y: memref<8xf32> {mpq.sizes = affine_map<()[s0, s1] -> (8)>}) attributes {mpq.symbols = ["T", "U"]} {
  // CHECK: memref.load %[[SIZES]][%c0
  // CHECK: %[[T:.*]] = arith.index_cast
  // CHECK: memref.load %[[SIZES]][%c1
  // CHECK: %[[U:.*]] = arith.index_cast
  // CHECK: %[[STRIDE:.*]] = affine.apply {{.*}}[%[[T]]]
  // CHECK: %[[CAST:.*]] = memref.reinterpret_cast %[[X]] to offset: [0], sizes: [%[[U]], %[[T]], 4], strides: [%[[STRIDE]], 4, 1]
  // CHECK: memref.view {{.*}}[%[[T]]]
  // CHECK: memref.copy %[[CAST]],
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d = memref.dim %x, %c1 : memref<?x?x4xf32>
  %v = memref.view %weights[%c0][%d] : memref<64xi8> to memref<?xf32>
  memref.copy %x, %x : memref<?x?x4xf32> to memref<?x?x4xf32>
  return
}

// -----

// Without symbols nothing changes.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%{{.*}}: memref<64xi8>, %{{.*}}: memref<64xi8>, %{{.*}}: memref<4xf32>)
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<4xf32>) {
  return
}

// -----

// expected-error @below {{argument 3 has the dynamic type 'memref<?xf32>' and no 'mpq.sizes' that says its sizes}}
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<?xf32>) attributes {mpq.symbols = ["T"]} {
  return
}

// -----

// expected-error @below {{has no arguments for weights; run mpq-place-weights}}
func.func @main() attributes {mpq.symbols = ["T"]} {
  return
}
