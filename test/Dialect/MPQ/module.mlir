// What a module says about itself.
// RUN: quant-opt %s --split-input-file | quant-opt --split-input-file | FileCheck %s

// CHECK: mpq.stage = #mpq.stage<planned>
module attributes {mpq.stage = #mpq.stage<planned>} {
}

// -----

// CHECK: mpq.interface = #mpq.interface<("image" : tensor<?x1x8x8xf32>, "mask" : tensor<?xi1>) -> ("logits" : tensor<?x10xf32>), sample_parallel>
// CHECK-SAME: mpq.target = #mpq.target<"znver4", "+avx2,+fma">
module attributes {
  mpq.interface = #mpq.interface<("image" : tensor<?x1x8x8xf32>, "mask" : tensor<?xi1>)
                                 -> ("logits" : tensor<?x10xf32>), sample_parallel>,
  mpq.target = #mpq.target<"znver4", "+avx2,+fma">} {
}

// -----

// CHECK: #mpq.resource_file<"w.weights", size = 640, alignment = 64, resources = [<"a" at 0 size 576 checksum "0123456789abcdef">, <"b" at 576 size 64 checksum "0123456789abcdef">]>
module attributes {some.attribute = #mpq.resource_file<"w.weights", size = 640, alignment = 64, resources = [
  <"a" at 0 size 576 checksum "0123456789abcdef">, <"b" at 576 size 64 checksum "0123456789abcdef">]>} {
}

// -----

// CHECK: mpq.tiles = {matmul_packed = [#mpq.tile<bits = 4, m = 8, rows = 4, vectors = 2, prefetch = 144, level = 2>]}
module attributes {mpq.tiles = {matmul_packed = [
  #mpq.tile<bits = 4, m = 8, rows = 4, vectors = 2, prefetch = 144, level = 2>]}} {
}
