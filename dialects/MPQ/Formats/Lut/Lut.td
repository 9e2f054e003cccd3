//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_LUT_TD
#define MPQ_FORMATS_LUT_TD

include "dialects/MPQ/Format.td"

def MPQ_LutFormatAttr : MPQ_Format<"LutFormat", "lut"> {
  let summary = "codes that index learned tables of values, without scales";
  let description = [{
    value = table[code], where the 2^`bits` values of a table, 2 to 8 bits, are those
    with the least squared error for the very weights that share it (one table for
    each row: S. Kim et al.: SqueezeLLM, arXiv 2306.07629). Where `#mpq.codebook`
    has one shape of levels for the tensor and a scale for each group, here every
    group has its own shape.

    `group`: 0, one table per row (output channel); -1, one for the whole tensor;
    g > 0, one for every g consecutive weights of a row, at least as many as a
    table has values. Values are f32 or f16.

    Payload of a rows x k matrix: codes as GroupedPayload.h draws them, and in
    the place of each scale a table, its values ascending. The row (1, 5, 5, -2)
    of `lut2` has the table (-2, 1, 5, 5) and the codes 1, 2, 2 and 0:

        byte 0: 0 << 6 | 2 << 4 | 2 << 2 | 1 = 0x29    bytes 1 to 16: -2, 1, 5, 5

    A table is 2^bits values more to store: with f16 `lut4` needs 256 bits for
    a row, .0625 bits a weight for 4096 columns, and `lut4:g256` one bit a weight.

    ```mlir
    #mpq.lut<4>
    #mpq.lut<3, group = 256, f16>
    ```
    Spelled `lut4` and `lut3:g256:f16` in plans and on the command line.
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, "bool":$halfValues);
  let extraClassDeclaration = [{
    /// Codes, and values in the place of scales: table t has the values
    /// t * getTableSize() and following.
    ::mpq::GroupedPayload getParts() const;
    int64_t getTableSize() const { return int64_t(1) << getBits(); }
    /// Builds IR for the f32 that a code (an i32) stands for at (`row`, `column`).
    ::mlir::Value emitTableValue(::mlir::OpBuilder &builder, ::mlir::Location loc,
                                 ::mlir::Value payload, int64_t rows, int64_t k,
                                 ::mlir::Value row, ::mlir::Value column,
                                 ::mlir::Value code) const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def MPQ_PackedLutAttr : MPQ_Attr<"PackedLut", "packed_lut"> {
  let summary = "layout of a weight whose codes are looked up row by row";
  let description = [{
    A weight of `rows` x `k` codes of `bits` bits that index tables of 2^`bits` reals
    of `value_bits` bits: a table for every `group` columns of a row (0: one for the
    row), or, `shared`, one for the tensor and an f32 scale for every group.

        weight = table[code]              each group has its own table
                 scale * table[code]      shared

    With `planes`, a table of more than 16 reals is stored byte by byte: the lowest
    bytes of all of them first.

    Where each code lies follows from these numbers alone:
    `lib/Kernel/CPU/MatmulLut/LutLayout.h` draws it.

    ```mlir
    #mpq.packed_lut<rows = 4096, k = 4096, bits = 4, group = 0, value_bits = 16, shared = false, planes = false>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$k, "unsigned":$bits, "int64_t":$group, "unsigned":$value_bits,
    "bool":$shared, "bool":$planes);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // MPQ_FORMATS_LUT_TD
