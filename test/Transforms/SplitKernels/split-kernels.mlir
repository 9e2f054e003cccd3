// RUN: quant-opt %s --split-input-file --mpq-split-kernels=part-ns=2000 --canonicalize | FileCheck %s
// RUN: quant-opt %s --split-input-file --mpq-split-kernels=part-ns=0 | FileCheck %s --check-prefix=ALL

// The bounds of the loop are those of one part; the call runs all of it, and says
// into how many parts it may be divided: 12000 ns have room for six of 2000 ns.
// CHECK-LABEL: func.func @main
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: call @rows(%{{.*}}, %[[ZERO]], %[[ONE]]) {mpq.parts = 6 : i64}
// CHECK-LABEL: func.func private @rows(
// CHECK-SAME: %[[PART:[a-z0-9]+]]: index, %[[PARTS:[a-z0-9]+]]: index
// CHECK: %[[BEFORE:.*]] = arith.muli %[[PART]], %{{.*}}
// CHECK: %[[FROM:.*]] = arith.ceildivui %[[BEFORE]], %[[PARTS]]
// CHECK: scf.for
// CHECK-NOT: mpq.parallel
func.func @main(%x: memref<32xf32>) {
  call @rows(%x) : (memref<32xf32>) -> ()
  return
}
func.func private @rows(%x: memref<32xf32>) attributes {mpq.nanoseconds = 12000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c32 step %c1 {
    memref.store %zero, %x[%i] : memref<32xf32>
  } {mpq.parallel}
  return
}

// -----

// What takes less than two parts stays as it is, and so does what has no
// parallel loop or one iteration only.
// CHECK-LABEL: func.func @main
// CHECK: call @short(%arg0) : (memref<32xf32>) -> ()
// CHECK: call @serial(%arg0) : (memref<32xf32>) -> ()
// CHECK: call @once(%arg0) : (memref<32xf32>) -> ()
// ALL-LABEL: func.func @main
// ALL: call @short(%arg0, %{{.*}}) {mpq.parts = 32 : i64}
// ALL: call @serial(%arg0) : (memref<32xf32>) -> ()
// ALL: call @once(%arg0) : (memref<32xf32>) -> ()
func.func @main(%x: memref<32xf32>) {
  call @short(%x) : (memref<32xf32>) -> ()
  call @serial(%x) : (memref<32xf32>) -> ()
  call @once(%x) : (memref<32xf32>) -> ()
  return
}
func.func private @short(%x: memref<32xf32>) attributes {mpq.nanoseconds = 3999 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c32 step %c1 {
    memref.store %zero, %x[%i] : memref<32xf32>
  } {mpq.parallel}
  return
}
func.func private @serial(%x: memref<32xf32>) attributes {mpq.nanoseconds = 90000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c32 step %c1 {
    memref.store %zero, %x[%i] : memref<32xf32>
  }
  return
}
func.func private @once(%x: memref<32xf32>) attributes {mpq.nanoseconds = 90000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c1 step %c1 {
    memref.store %zero, %x[%i] : memref<32xf32>
  } {mpq.parallel}
  return
}

// -----

// A loop and its special end are counted together, each iteration with what is
// parallel in it: 4 panels of 3 tiles and a last one, 15 units.
// CHECK-LABEL: func.func private @panels(
// CHECK-DAG: %[[UNITS:.*]] = arith.constant 15 : index
// CHECK-DAG: %[[WHOLE:.*]] = arith.constant 12 : index
// CHECK: arith.muli %{{.*}}, %[[UNITS]]
// CHECK: arith.minsi %{{.*}}, %[[WHOLE]]
// CHECK: scf.for
// CHECK:   scf.for
// CHECK: scf.for
// CHECK:   scf.for
// CHECK-NOT: mpq.joined
func.func @main(%x: memref<5x3xf32>) {
  call @panels(%x) : (memref<5x3xf32>) -> ()
  return
}
func.func private @panels(%x: memref<5x3xf32>) attributes {mpq.nanoseconds = 90000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c3 step %c1 {
      memref.store %zero, %x[%i, %j] : memref<5x3xf32>
    } {mpq.parallel}
  } {mpq.parallel}
  scf.for %i = %c0 to %c1 step %c1 {
    scf.for %j = %c0 to %c3 step %c1 {
      memref.store %zero, %x[%c4, %j] : memref<5x3xf32>
    } {mpq.parallel}
  } {mpq.parallel, mpq.joined}
  return
}

// -----

// Bounds that are known at run time only, and are computed within the outer loop,
// are computed before it. So is the number of parts: 90000 ns for a size of 32 are
// 45 of 2000 ns, and up to 1440 for 1024.
// CHECK-LABEL: func.func @main
// CHECK: %[[TIME:.*]] = arith.muli %arg1, %{{.*}} : index
// CHECK: %[[PARTS:.*]] = arith.divui %[[TIME]], %{{.*}} : index
// CHECK: %[[LEAST:.*]] = arith.maxui %[[PARTS]], %{{.*}} : index
// CHECK: %[[COUNT:.*]] = arith.minui %[[LEAST]], %{{.*}} : index
// CHECK: call @dynamic(%arg0, %arg1, %{{.*}}, %[[COUNT]]) {mpq.parts = 1440 : i64}
// CHECK-LABEL: func.func private @dynamic(
// CHECK: %[[TILES:.*]] = arith.divui %arg1, %{{.*}} : index
// CHECK: scf.for
func.func @main(%x: memref<8xf32>, %n: index) {
  call @dynamic(%x, %n) : (memref<8xf32>, index) -> ()
  return
}
func.func private @dynamic(%x: memref<8xf32>, %n: index) attributes {mpq.nanoseconds = 90000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %tiles = arith.divui %n, %c8 : index
    scf.for %j = %c0 to %tiles step %c1 {
      memref.store %zero, %x[%j] : memref<8xf32>
    } {mpq.parallel}
  } {mpq.parallel}
  return
}

// -----

// All that could be split takes 8 us: not worth it.
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: call @rows(%arg0) : (memref<32xf32>) -> ()
func.func @main(%x: memref<32xf32>) {
  call @rows(%x) : (memref<32xf32>) -> ()
  call @rows(%x) : (memref<32xf32>) -> ()
  return
}
func.func private @rows(%x: memref<32xf32>) attributes {mpq.nanoseconds = 4000 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c32 step %c1 {
    memref.store %zero, %x[%i] : memref<32xf32>
  } {mpq.parallel}
  return
}
