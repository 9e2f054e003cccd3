//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_PACKED_TD
#define MPQ_PACKED_TD

include "dialects/MPQ/Dialect.td"

def MPQ_PackedAttr : MPQ_Attr<"Packed", "packed"> {
  let summary = "layout of a weight that kernels multiply as it is packed";
  let description = [{
    A weight of `rows` x `k` unsigned codes of `bits` bits, as many bits of memory
    for each, with scales (f32 or f16, as `scale_bits` says) for every `group`
    columns of a row (0: one for the row), and a byte of zero point beside each
    scale with `zero_points`:

        weight = scale * (code - zero point)              with zero points
                 scale * (step * code + low)              without
                 scale * table[code]                      with a table
                 scale * levels[code]                     with integer levels

    A table has 2^bits f32 and lies behind the codes; `levels` are 2^bits integers
    from `low` to at most `low` + 255.

    `chunk` columns of all rows lie together, and the next `chunk` behind them; 0:
    rows are not cut. A chunk is whole groups.

    With `planes` the first bits of all codes of a cell come first, then the second
    ones: for kernels that count bits.

    Where each bit lies follows from these numbers alone, for the code that
    packs and for the kernels that read: `mpq/Kernel/PackedLayout.h` draws it.

    ```mlir
    #mpq.packed<rows = 4096, k = 4096, bits = 4, group = 32, step = 1, low = -8, scale_bits = 16, zero_points = false>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$k, "unsigned":$bits, "int64_t":$group,
    "int64_t":$step, "int64_t":$low, "unsigned":$scale_bits, "bool":$zero_points, DefaultValuedParameter<"bool", "false">:$table,
    OptionalParameter<"::mlir::DenseI32ArrayAttr">:$levels, DefaultValuedParameter<"int64_t", "0">:$chunk,
    DefaultValuedParameter<"bool", "false">:$planes);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MPQ_TileAttr : MPQ_Attr<"Tile", "tile"> {
  let summary = "how a kernel cuts its product, as measured on a CPU";
  let description = [{
    For codes of `bits` bits and `m` rows of activations, or any number of rows that
    the kernel cuts alike: the register tile, of `rows` rows and `vectors` vectors of
    columns; how many lines of 64 bytes of each stream of codes lie between what is
    fetched and what is used (`prefetch`; 0: nothing is fetched ahead); and the level
    of the cache that they are fetched to, 1 to 3. Results do not depend on any of
    these.

    A module has them by kernel, and only those that are faster there than what the
    kernel does by itself:

    ```mlir
    module attributes {mpq.tiles = {matmul_packed = [
      #mpq.tile<bits = 4, m = 8, rows = 4, vectors = 2, prefetch = 144, level = 2>]}}
    ```
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$m, "int64_t":$rows, "int64_t":$vectors,
    DefaultValuedParameter<"int64_t", "0">:$prefetch, DefaultValuedParameter<"int64_t", "1">:$level);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MPQ_PackedBytesAttr : MPQ_Attr<"PackedBytes", "packed_bytes"> {
  let summary = "layout of a weight whose bytes are looked up in tables of sums";
  let description = [{
    A weight of `rows` x `k` levels, with scales (f32 or f16, as `scale_bits` says)
    for every `group` columns of a row (0: one for the row). A byte has the levels of
    `columns` columns of one row: 5 of three levels (-1, 0, 1) or 8 of two (-1, 1).
    `line` rows follow each other, and the lines of `streams` times as many take
    turns. `lib/Kernel/CPU/MatmulTernary/TernaryLayout.h` draws the layout.

    ```mlir
    #mpq.packed_bytes<rows = 4096, k = 4096, group = 128, scale_bits = 16, columns = 5, line = 64, streams = 2>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$k, "int64_t":$group, "unsigned":$scale_bits,
    "int64_t":$columns, "int64_t":$line, "int64_t":$streams);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // MPQ_PACKED_TD
