// RUN: quant-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{input "x" is 'tensor<1x4xf32>' when its dimension 0 should be ?, as it runs over samples}}
module attributes {mpq.interface = #mpq.interface<("x" : tensor<1x4xf32>) -> (), sample_parallel>} {
}

// -----

// expected-error @below {{output "y" has elements of type 'index' when they should be integers or floats}}
module attributes {mpq.interface = #mpq.interface<() -> ("y" : tensor<4xindex>)>} {
}

// -----

// expected-error @below {{resource "w" has the checksum "123" when it should be 16 hexadecimal digits}}
module attributes {a.b = #mpq.resource<"w" at 0 size 1 checksum "123">} {
}

// -----

// expected-error @below {{resource "w" has size -1 at 0 when both should be 0 or more}}
module attributes {a.b = #mpq.resource<"w" at 0 size -1 checksum "0123456789abcdef">} {
}

// -----

// expected-error @below {{alignment is 3 when it should be a power of two}}
module attributes {a.b = #mpq.resource_file<"w", size = 64, alignment = 3, resources = [<"w" at 0 size 1 checksum "0123456789abcdef">]>} {
}

// -----

// expected-error @below {{resource "w" lies at 32 when it should be a multiple of 64}}
module attributes {a.b = #mpq.resource_file<"w", size = 64, alignment = 64, resources = [<"w" at 32 size 1 checksum "0123456789abcdef">]>} {
}

// -----

// expected-error @below {{'bits' of a tile is 9 when it should be 1 to 8}}
module attributes {mpq.tiles = {k = [#mpq.tile<bits = 9, m = 1, rows = 1, vectors = 1>]}} {
}

// -----

// expected-error @below {{'level' of a tile is 4 when it should be 1 to 3}}
module attributes {mpq.tiles = {k = [#mpq.tile<bits = 8, m = 1, rows = 1, vectors = 1, prefetch = 8, level = 4>]}} {
}
