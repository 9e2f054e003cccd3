// RUN: quant-opt %s --mpq-join-forks --split-input-file | FileCheck %s

// Both read %x and write bytes of their own: they share a fork. The third reads what the first writes, and the fourth
// writes what the third reads.
// CHECK-LABEL: func.func @main
// CHECK: call @copy({{.*}}) {mpq.parts = 2 : i64}
// CHECK: call @copy({{.*}}) {mpq.joins, mpq.parts = 2 : i64}
// CHECK: call @copy({{.*}}) {mpq.parts = 2 : i64}
// CHECK: call @copy({{.*}}) {mpq.parts = 2 : i64}
func.func @main(%arena: memref<256xi8>, %x: memref<16xf32>, %result: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %a = memref.view %arena[%c0][] : memref<256xi8> to memref<16xf32>
  call @copy(%x, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  %b = memref.view %arena[%c64][] : memref<256xi8> to memref<16xf32>
  call @copy(%x, %b, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  call @copy(%a, %result, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  call @copy(%x, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  return
}
func.func private @copy(%from: memref<16xf32>, %to: memref<16xf32>, %part: index, %parts: index) {
  %c0 = arith.constant 0 : index
  %v = vector.load %from[%c0] : memref<16xf32>, vector<16xf32>
  vector.store %v, %to[%c0] : memref<16xf32>, vector<16xf32>
  return
}

// -----

// Bytes that overlap count, and so does what a kernel writes through a view. A call of a kernel that is not split, and
// whatever else touches memory, ends a request.
// CHECK-LABEL: func.func @main
// CHECK-NOT: mpq.joins
func.func @main(%arena: memref<256xi8>, %x: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %a = memref.view %arena[%c0][] : memref<256xi8> to memref<16xf32>
  %b = memref.view %arena[%c32][] : memref<256xi8> to memref<16xf32>
  %c = memref.view %arena[%c128][] : memref<256xi8> to memref<16xf32>
  call @copy(%x, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  call @copy(%x, %b, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  call @whole(%x, %a) : (memref<16xf32>, memref<16xf32>) -> ()
  call @copy(%x, %c, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  memref.copy %x, %a : memref<16xf32> to memref<16xf32>
  call @copy(%x, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<16xf32>, memref<16xf32>, index, index) -> ()
  return
}
func.func private @copy(%from: memref<16xf32>, %to: memref<16xf32>, %part: index, %parts: index) {
  %c0 = arith.constant 0 : index
  %v = vector.load %from[%c0] : memref<16xf32>, vector<16xf32>
  %half = memref.subview %to[0] [16] [1] : memref<16xf32> to memref<16xf32, strided<[1]>>
  vector.store %v, %half[%c0] : memref<16xf32, strided<[1]>>, vector<16xf32>
  return
}
func.func private @whole(%from: memref<16xf32>, %to: memref<16xf32>)

// -----

// Slots of buffers whose size is known at run time begin at places of their own, behind the static ones.
// CHECK-LABEL: func.func @main
// CHECK: call @k({{.*}}) {mpq.parts = 2 : i64}
// CHECK: call @k({{.*}}) {mpq.joins, mpq.parts = 2 : i64}
// CHECK: call @k({{.*}}) {mpq.parts = 2 : i64}
func.func @main(%arena: memref<64xi8>, %n: index, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %second = arith.addi %c64, %n : index
  %a = memref.view %arena[%c64][%n] : memref<64xi8> to memref<?xf32>
  %b = memref.view %arena[%second][%n] : memref<64xi8> to memref<?xf32>
  call @k(%x, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<?xf32>, memref<?xf32>, index, index) -> ()
  call @k(%x, %b, %c0, %c1) {mpq.parts = 2 : i64} : (memref<?xf32>, memref<?xf32>, index, index) -> ()
  call @k(%b, %a, %c0, %c1) {mpq.parts = 2 : i64} : (memref<?xf32>, memref<?xf32>, index, index) -> ()
  return
}
func.func private @k(%from: memref<?xf32>, %to: memref<?xf32>, %part: index, %parts: index) {
  %c0 = arith.constant 0 : index
  %v = memref.load %from[%c0] : memref<?xf32>
  memref.store %v, %to[%c0] : memref<?xf32>
  return
}
