//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_INT_TD
#define MPQ_FORMATS_INT_TD

include "dialects/MPQ/Format.td"

def MPQ_IntFormatAttr : MPQ_Format<"IntFormat", "int",
    ["getIntegerGroup", "getLevelRange", "emitLevel", "emitScale", "getMaxCode",
     "emitCode", "emitZeroPoint"]> {
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

    A symmetric scale may be negative, see mpq/Support/Quantization.h, which is
    the arithmetic of this format. Five codes of 3 bits, 1, 2, -4, 3 and -1 (001,
    010, 100, 011, 111 in two's complement), in a row of 2 bytes:

        byte 0                     byte 1
        bit 7 6 5 4 3 2 1 0        bit 7 6 5 4 3 2 1 0
            0 0|0 1 0|0 0 1             -|1 1 1|0 1 1|1
            c2    c1    c0                  c4    c3  c2

    ```mlir
    #mpq.int<4>                                   // per row, symmetric, f32 scales
    #mpq.int<3, group = 32, asymmetric, f16>
    ```
    Spelled `int4` and `int3:g32:asym:f16` in plans and on the command line
    (`:tensor` for group = -1).
  }];
  let parameters = (ins "unsigned":$bits, "int64_t":$group, "bool":$asymmetric,
                        "bool":$halfScale);
  let extraClassDeclaration = [{
    /// Codes and scales; zero points follow.
    ::mpq::GroupedPayload getParts() const;
    int64_t getZeroPointsOffset(int64_t rows, int64_t k) const { return getParts().getEnd(rows, k); }
    /// The parts of a payload by index; `setCode` expects the row to be zeroed.
    ::mpq::IntScale getScaleAndZeroPoint(::llvm::ArrayRef<char> payload, int64_t rows,
                                         int64_t k, int64_t index) const;
    void setScaleAndZeroPoint(::llvm::MutableArrayRef<char> payload, int64_t rows,
                              int64_t k, int64_t index, ::mpq::IntScale scale) const;
    int32_t getCode(::llvm::ArrayRef<char> payload, int64_t k, int64_t row, int64_t column) const;
    void setCode(::llvm::MutableArrayRef<char> payload, int64_t k, int64_t row, int64_t column,
                 int32_t code) const;
    ::mpq::IntGrid getGrid() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // MPQ_FORMATS_INT_TD
