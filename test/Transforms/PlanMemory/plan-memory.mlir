// Buffers that are not alive together share bytes of the arena.
// RUN: quant-opt %s --mpq-plan-memory --split-input-file --verify-diagnostics | FileCheck %s --check-prefixes=CHECK,SEPARATE
// RUN: quant-opt %s --mpq-plan-memory=separate-bytes=40000 --split-input-file --verify-diagnostics | FileCheck %s --check-prefixes=CHECK,TYPES
// RUN: quant-opt %s --mpq-plan-memory=separate-bytes=64 --split-input-file --verify-diagnostics | FileCheck %s --check-prefixes=CHECK,SHARED

// %a (64 bytes) and %c never live together: both at 128, above the larger %b.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[ARENA:[a-z0-9]*]]: memref<192xi8>
// CHECK-SAME: mpq.arena_bytes = 192
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<16xf32>, %y: memref<16xf32>) {
  // CHECK-DAG: %[[HIGH:.*]] = arith.constant 128 : index
  // CHECK: memref.view %[[ARENA]][%[[HIGH]]]
  %a = memref.alloc() : memref<16xf32>
  memref.copy %x, %a : memref<16xf32> to memref<16xf32>
  // CHECK: memref.view %[[ARENA]]{{.*}} to memref<32xf32>
  %b = memref.alloc() : memref<32xf32>
  %low = memref.subview %b[0] [16] [1] : memref<32xf32> to memref<16xf32, strided<[1]>>
  memref.copy %a, %low : memref<16xf32> to memref<16xf32, strided<[1]>>
  // CHECK: memref.view %[[ARENA]]
  %c = memref.alloc() : memref<16xf32>
  memref.copy %low, %c : memref<16xf32, strided<[1]>> to memref<16xf32>
  memref.copy %c, %y : memref<16xf32> to memref<16xf32>
  return
}

// -----

func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %n: index) {
  // expected-error @below {{needs a size that is a function of the model's symbols, and to be outside of loops}}
  %a = memref.alloc(%n) : memref<?xf32>
  return
}

// -----

// Buffers of dynamic size come behind the static ones. %a and %c are never alive together and share a slot, which is as
// large as the larger of them.
// CHECK-DAG: #[[LARGER:.*]] = affine_map<()[s0] -> (s0 * 128, s0 * 64)>
// CHECK-DAG: #[[ROUNDED:.*]] = affine_map<()[s0] -> (((s0 * 4) ceildiv 64) * 64)>
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[ARENA:[a-z0-9]*]]: memref<64xi8>, %[[SIZES:[a-z0-9]*]]: memref<1xi64>
// CHECK-SAME: mpq.arena_bytes = 64
// CHECK-SAME: mpq.arena_slots = [#[[LARGER]], #[[ROUNDED]]]
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %sizes: memref<1xi64>) attributes {mpq.symbols = ["T"]} {
  // CHECK: %[[STATIC:.*]] = arith.constant 64 : index
  // CHECK: %[[FIRST:.*]] = arith.maxsi
  // CHECK: %[[SECOND:.*]] = arith.addi %[[STATIC]], %[[FIRST]]
  %c0 = arith.constant 0 : index
  %0 = memref.load %sizes[%c0] : memref<1xi64>
  %t = arith.index_cast %0 : i64 to index
  // CHECK: %[[T:.*]] = arith.index_cast
  // CHECK: memref.view %[[ARENA]]{{.*}} to memref<16xf32>
  %static = memref.alloc() : memref<16xf32>
  // CHECK: memref.view %[[ARENA]][%[[STATIC]]][%[[T]]] : memref<64xi8> to memref<?x16xf32>
  %a = memref.alloc(%t) : memref<?x16xf32>
  // CHECK: memref.view %[[ARENA]][%[[SECOND]]][%[[T]]] : memref<64xi8> to memref<?xf32>
  %b = memref.alloc(%t) : memref<?xf32>
  %column = memref.subview %a[0, 0] [%t, 1] [1, 1] : memref<?x16xf32> to memref<?xf32, strided<[16]>>
  memref.copy %column, %b : memref<?xf32, strided<[16]>> to memref<?xf32>
  // CHECK: memref.view %[[ARENA]][%[[STATIC]]][%[[T]]] : memref<64xi8> to memref<?x32xf32>
  %c = memref.alloc(%t) : memref<?x32xf32>
  %other = memref.subview %c[0, 0] [%t, 1] [1, 1] : memref<?x32xf32> to memref<?xf32, strided<[32]>>
  memref.copy %b, %other : memref<?xf32> to memref<?xf32, strided<[32]>>
  memref.dealloc %static : memref<16xf32>
  return
}

// -----

// Types that differ have bytes of their own, as threads own other parts of them, unless that takes too much.
// SEPARATE-LABEL: func.func @main
// SEPARATE-SAME: mpq.arena_bytes = 128
// TYPES-LABEL: func.func @main
// TYPES-SAME: mpq.arena_bytes = 128
// SHARED-LABEL: func.func @main
// SHARED-SAME: mpq.arena_bytes = 64
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<4x4xf32>, %y: memref<2x8xf32>) {
  %a = memref.alloc() : memref<4x4xf32>
  memref.copy %x, %a : memref<4x4xf32> to memref<4x4xf32>
  %b = memref.alloc() : memref<2x8xf32>
  memref.copy %y, %b : memref<2x8xf32> to memref<2x8xf32>
  return
}

// -----

// A buffer lives from its first use on, wherever it is allocated.
// CHECK-LABEL: func.func @main
// CHECK-SAME: mpq.arena_bytes = 64
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<16xf32>) {
  %a = memref.alloc() : memref<16xf32>
  %b = memref.alloc() : memref<16xf32>
  memref.copy %x, %a : memref<16xf32> to memref<16xf32>
  memref.copy %a, %x : memref<16xf32> to memref<16xf32>
  %flat = memref.expand_shape %b [[0, 1]] output_shape [1, 16] : memref<16xf32> into memref<1x16xf32>
  memref.copy %flat, %flat : memref<1x16xf32> to memref<1x16xf32>
  return
}

// -----

// Buffers that leave the first-level cache share no bytes, either; if that takes too much those of one type do, and if
// even that does, all.
// SEPARATE-LABEL: func.func @main
// SEPARATE-SAME: mpq.arena_bytes = 65600
// TYPES-LABEL: func.func @main
// TYPES-SAME: mpq.arena_bytes = 32832
// SHARED-LABEL: func.func @main
// SHARED-SAME: mpq.arena_bytes = 32768
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %x: memref<64x128xf32>, %y: memref<16xf32>) {
  %a = memref.alloc() : memref<64x128xf32>
  memref.copy %x, %a : memref<64x128xf32> to memref<64x128xf32>
  %b = memref.alloc() : memref<64x128xf32>
  memref.copy %x, %b : memref<64x128xf32> to memref<64x128xf32>
  %c = memref.alloc() : memref<16xf32>
  memref.copy %y, %c : memref<16xf32> to memref<16xf32>
  return
}

// -----

// expected-error @below {{module has no function @main with placed weights}}
module {}

// -----

// Sizes are those of the model's symbols.
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %sizes: memref<1xi64>) attributes {mpq.symbols = ["T"]} {
  %c3 = arith.constant 3 : index
  %0 = memref.load %sizes[%c3] : memref<1xi64>
  %t = arith.index_cast %0 : i64 to index
  // expected-error @below {{of type 'memref<?xf32>' has a size made of symbol 3 when the model has 1 symbols}}
  %a = memref.alloc(%t) : memref<?xf32>
  return
}

// -----

// expected-error @below {{has 2 symbols, and argument 2 is not their sizes, 'memref<2xi64>'}}
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %sizes: memref<1xi64>) attributes {mpq.symbols = ["T", "N"]} {
  return
}
