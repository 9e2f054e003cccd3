// Buffers that are not alive together share bytes of the arena.
// RUN: quant-opt %s --mpq-plan-memory --split-input-file --verify-diagnostics | FileCheck %s

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
  // expected-error @below {{needs a static shape outside of loops to be planned}}
  %a = memref.alloc(%n) : memref<?xf32>
  return
}

// -----

// expected-error @below {{module has no function @main with placed weights}}
module {}
