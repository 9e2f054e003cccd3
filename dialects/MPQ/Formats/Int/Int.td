//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_INT_TD
#define MPQ_FORMATS_INT_TD

include "dialects/MPQ/Attrs.td"

def MPQ_IntFormatAttr : MPQ_Format<"IntFormat", "int"> {
  let summary = "integers of 2 to 8 bits with scales";
  let description = [{
    value = scale * (code - zero_point). Symmetric: no zero point is stored, the
    code is a signed integer in [-2^(b-1), 2^(b-1) - 1]. Asymmetric: the code is
    in [0, 2^b - 1] and so is the zero point.

    `group`: 0, one scale per row (output channel); -1, one for the whole
    tensor; g > 0, one for every g consecutive weights of a row (the last group
    of a row may be short). Scales are f32 or f16.

    Payload of a rows x k matrix, in this order:

        codes        rows x ceil(k * bits / 8) bytes; code j of a row takes the
                     bits [j*bits, (j+1)*bits) of the row's bytes, little endian;
                     signed codes in two's complement
        scales       f32 or f16, little endian, row by row, group by group
        zero points  one byte each, in the same order (asymmetric only)

    ```mlir
    #mpq.int<4>                                   // per row, symmetric, f32 scales
    #mpq.int<3, group = 32, asymmetric, f16>
    ```
    Spelled `int4` and `int3:g32:asym:f16` in plans and on the command line
    (`:tensor` for group = -1).
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, "bool":$asymmetric,
                        "bool":$halfScale);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // MPQ_FORMATS_INT_TD
