//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef QUINARY_TD
#define QUINARY_TD

include "dialects/MPQ/Interfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/DialectBase.td"

def Quinary_Dialect : Dialect {
  let name = "quinary";
  let cppNamespace = "::quinary";
  let summary = "a number format of five levels";
  let useDefaultAttributePrinterParser = 1;
}

def Quinary_FormatAttr : AttrDef<Quinary_Dialect, "QuinaryFormat",
    [DeclareAttrInterfaceMethods<MPQ_FormatAttrInterface,
      ["getIntegerGroup", "getLevelRange", "emitLevel", "emitScale"]>]> {
  let mnemonic = "format";
  let summary = "-2 to 2 times a scale, in 2.7 bits";
  let description = [{
    value = scale * level, level in {-2, -1, 0, 1, 2}. `group`: 0, one scale per row;
    g > 0, one for every g consecutive weights of a row.

    Payload of a rows x k matrix, in this order:

        codes    rows x ceil(k / 3) bytes: three levels a byte, as the number
                 (l0 + 2) + 5 (l1 + 2) + 25 (l2 + 2)
        scales   f32, little endian, row by row, group by group

    since 5^3 = 125 fits a byte. The levels 1, -2, 0 are the byte
    3 + 5 * 0 + 25 * 2 = 53; the last byte of a row is filled up with zeros, which
    are the digit 2.

    ```mlir
    #quinary.format               // a scale per row; 3 weights take 8 bits
    #quinary.format<group = 64>
    ```
    Spelled `quinary` and `quinary:g64` in plans and on the command line.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$group);
  let assemblyFormat = "(`<` `group` `=` $group^ `>`)?";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Where the parts of a payload lie.
    int64_t getRowBytes(int64_t k) const { return (k + 2) / 3; }
    int64_t getGroupsPerRow(int64_t k) const;
    int64_t getScaleIndex(int64_t k, int64_t row, int64_t column) const;
    int64_t getScalesOffset(int64_t rows, int64_t k) const { return rows * getRowBytes(k); }
  }];
}

#endif // QUINARY_TD
