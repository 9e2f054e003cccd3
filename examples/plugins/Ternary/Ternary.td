//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef TERNARY_TD
#define TERNARY_TD

include "dialects/MPQ/Interfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/DialectBase.td"

def Ternary_Dialect : Dialect {
  let name = "ternary";
  let cppNamespace = "::ternary";
  let summary = "a number format of three levels";
  let useDefaultAttributePrinterParser = 1;
}

def Ternary_FormatAttr : AttrDef<Ternary_Dialect, "TernaryFormat",
    [DeclareAttrInterfaceMethods<MPQ_FormatAttrInterface,
      ["getIntegerGroup", "getLevelRange", "emitLevel", "emitScale"]>]> {
  let mnemonic = "format";
  let summary = "-1, 0 or 1 times a scale, in 1.6 bits";
  let description = [{
    value = scale * level, level in {-1, 0, 1}. `group`: 0, one scale per row;
    g > 0, one for every g consecutive weights of a row.

    Payload of a rows x k matrix, in this order:

        codes    rows x ceil(k / 5) bytes: five levels a byte, as the number
                 (l0 + 1) + 3 (l1 + 1) + 9 (l2 + 1) + 27 (l3 + 1) + 81 (l4 + 1)
        scales   f32, little endian, row by row, group by group

    since 3^5 = 243 fits a byte. The levels 1, -1, 0, 0, 1 are the byte
    2 + 3 * 0 + 9 * 1 + 27 * 1 + 81 * 2 = 200; the last byte of a row is filled
    up with zeros, which are the digit 1.

    ```mlir
    #ternary.format               // a scale per row; 5 weights take 8 bits
    #ternary.format<group = 64>
    ```
    Spelled `ternary` and `ternary:g64` in plans and on the command line.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$group);
  let assemblyFormat = "(`<` `group` `=` $group^ `>`)?";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Where the parts of a payload lie.
    int64_t getRowBytes(int64_t k) const { return (k + 4) / 5; }
    int64_t getGroupsPerRow(int64_t k) const;
    int64_t getScaleIndex(int64_t k, int64_t row, int64_t column) const;
    int64_t getScalesOffset(int64_t rows, int64_t k) const { return rows * getRowBytes(k); }
  }];
}

#endif // TERNARY_TD
