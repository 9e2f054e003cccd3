// The function that checks the symbols' values and computes what follows from them; test/E2E/dynamic.py runs it.
// RUN: quant-opt %s --mpq-emit-sizes --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @sizes
// CHECK-SAME: %[[SYMBOLS:.*]]: memref<1xi64>, %[[OUT:.*]]: memref<4xi64>) attributes {mpq.entry = "mpq_sizes"}
// CHECK: %[[T:.*]] = memref.load %[[SYMBOLS]]
// A symbol must be at least 1,
// CHECK: %[[SMALL:.*]] = arith.cmpi slt, %[[T]], %c1_i64
// and requirement 0 hold: 16 - T is not negative.
// CHECK: %[[ROOM:.*]] = arith.addi %{{.*}}, %c16_i64
// CHECK: arith.cmpi slt, %[[ROOM]]
// The arena, its static and its dynamic part,
// CHECK: %[[ARENA:.*]] = arith.addi %c128_i64
// CHECK: memref.store %[[ARENA]], %[[OUT]][%c1
// the sizes of the result,
// CHECK: memref.store %{{.*}}, %[[OUT]][%c2
// CHECK: memref.store %{{.*}}, %[[OUT]][%c3
// and why it may not be: too large for 64 bits, or too small.
// CHECK: arith.cmpf uge
// CHECK: memref.store %{{.*}}, %[[OUT]][%c0
func.func @main(%weights: memref<64xi8>, %prepared: memref<64xi8>, %arena: memref<128xi8>, %sizes: memref<1xi64>,
                %x: memref<1xf32> {mpq.sizes = affine_map<()[s0] -> (1, s0)>},
                %y: memref<1xf32> {mpq.result, mpq.sizes = affine_map<()[s0] -> (1, s0 * 4)>})
    attributes {mpq.symbols = ["T"], mpq.requirements = [[affine_set<()[s0] : (16 - s0 >= 0)>, "slice"]],
                mpq.arena_bytes = 128 : i64, mpq.arena_slots = [affine_map<()[s0] -> (s0 * 64)>]} {
  return
}

// -----

// expected-error @below {{has no memory plan; run mpq-plan-memory first}}
func.func @main() attributes {mpq.symbols = ["T"]} {
  return
}
