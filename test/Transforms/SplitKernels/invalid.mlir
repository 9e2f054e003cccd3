// RUN: quant-opt %s --split-input-file --verify-diagnostics --mpq-split-kernels=part-ns=0

// Every thread does what is outside of the parallel loops, so that must not write
// to what they share; memory of the function's own is not shared.
func.func @main(%x: memref<8xf32>) {
  call @writes(%x) : (memref<8xf32>) -> ()
  return
}
func.func private @writes(%x: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %own = memref.alloca() : memref<8xf32>
  memref.store %zero, %own[%c0] : memref<8xf32>
  // expected-error @below {{writes to an operand of the kernel 'writes' outside of its parallel loops}}
  memref.store %zero, %x[%c0] : memref<8xf32>
  scf.for %i = %c1 to %c8 step %c1 {
    memref.store %zero, %x[%i] : memref<8xf32>
  } {mpq.parallel}
  return
}

// -----

func.func private @results(%x: memref<8xf32>) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  // expected-error @below {{is marked parallel, but is no loop without results}}
  %sum = scf.for %i = %c0 to %c8 step %c1 iter_args(%v = %c0) -> index {
    %next = arith.addi %v, %i : index
    scf.yield %next : index
  } {mpq.parallel}
  return %sum : index
}

// -----

// How often the inner loop runs differs from iteration to iteration.
func.func @main(%x: memref<8xf32>) {
  call @triangle(%x) : (memref<8xf32>) -> ()
  return
}
func.func private @triangle(%x: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    // expected-error @below {{is parallel, and its bounds are not known before the parallel loops that it is counted with}}
    scf.for %j = %c0 to %i step %c1 {
      memref.store %zero, %x[%j] : memref<8xf32>
    } {mpq.parallel}
  } {mpq.parallel}
  return
}

// -----

func.func @main(%x: memref<8xf32>, %is: i1) {
  call @blocks(%x, %is) : (memref<8xf32>, i1) -> ()
  return
}
func.func private @blocks(%x: memref<8xf32>, %is: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    scf.for %j = %c0 to %c8 step %c1 {
      memref.store %zero, %x[%j] : memref<8xf32>
    } {mpq.parallel}
    scf.if %is {
      // expected-error @below {{is parallel, and so is a loop in another block of the same parallel loop}}
      scf.for %j = %c0 to %c8 step %c1 {
        memref.store %zero, %x[%j] : memref<8xf32>
      } {mpq.parallel}
    }
  } {mpq.parallel}
  return
}
