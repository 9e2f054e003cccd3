//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_@NAME@_TD
#define MPQ_FORMATS_@NAME@_TD

include "dialects/MPQ/Format.td"

def MPQ_@Name@FormatAttr : MPQ_Format<"@Name@Format", "@name_@"> {
  let summary = "the upper 16 bits of an f32";
  let description = [{
    What a stored value means, and where each byte lies, with a worked example:

    Payload of a rows x k matrix: 2 bytes for each weight, row by row, little
    endian: sign, 8 bits of exponent, the 7 upper bits of the mantissa, rounded
    to the nearest, ties to even. 1.0 is the bytes 0x80, 0x3f.

    ```mlir
    #mpq.@name_@
    ```
    Spelled `@name@` in plans and on the command line.
  }];
}

#endif // MPQ_FORMATS_@NAME@_TD
