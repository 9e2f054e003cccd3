//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_CODEBOOK_TD
#define MPQ_FORMATS_CODEBOOK_TD

include "dialects/MPQ/Format.td"

def MPQ_CodebookFormatAttr : MPQ_Format<"CodebookFormat", "codebook",
    ["getIntegerGroup", "getLevelRange", "getLevelStep", "emitLevel", "emitScale"]> {
  let summary = "codes that index a table of levels, with scales";
  let description = [{
    value = scale * table[code]. The table is one of these:

        name      bits  levels
        binary    1     -1, 1
        ternary   1.6   -1, 0, 1: five codes in a byte
        ternary2  2     -1, 0, 1 (and 0 again)
        fp4       4     0, 1, 2, 3, 4, 6, 8, 12 and their negatives: twice the
                        values of E2M1 (OCP Microscaling Formats v1.0, table 5)
        nf4       4     quantiles of the normal distribution, from -1 to 1
                        (T. Dettmers et al.: QLoRA, arXiv 2305.14314, appendix E)
        kmeansB   2..8  2^B levels that are best for this very tensor

    `group`: 0, one scale per row (output channel); -1, one for the whole
    tensor; g > 0, one for every g consecutive weights of a row. Scales are f32
    or f16; either sign, since no table but fp4's and binary's is symmetric.

    Payload of a rows x k matrix: codes and scales as GroupedPayload.h draws
    them, and behind these, for kmeansB only, the 2^B levels in f32, little
    endian, ascending. Four weights (.6, -.6, 1.2, .1) of a row in `fp4` with
    the scale .1 have the levels 6, -6, 12 and 1, which are the codes 5, 13, 7
    and 1:

        byte 0: 13 << 4 | 5 = 0xd5    byte 1: 1 << 4 | 7 = 0x17

    Five weights of a row in `ternary`, levels 1, -1, 0, 0 and 1, are the digits 2,
    0, 1, 1 and 2 of the byte 2 + 0 * 3 + 1 * 9 + 1 * 27 + 2 * 81 = 200.

    The tables of integers go through integer dot kernels.

    ```mlir
    #mpq.codebook<nf4, group = 64, f16>
    #mpq.codebook<kmeans3>
    ```
    Spelled `nf4:g64:f16` and `kmeans3` in plans and on the command line.
  }];
  let parameters = (ins StringRefParameter<"name of the table">:$table, "int64_t":$group, "bool":$halfScale);
  let extraClassDeclaration = [{
    /// Codes and scales; a learned table follows.
    ::mpq::GroupedPayload getParts() const;
    /// Whether the table is in the payload.
    bool isLearned() const { return getTable().starts_with("kmeans"); }
    /// The levels by code; empty where they are learned.
    ::llvm::ArrayRef<float> getLevels() const;
    /// Builds IR for the f32 level of a code (an i32): from the payload of a
    /// rows x k matrix where it is learned.
    ::mlir::Value emitTableLevel(::mlir::OpBuilder &builder, ::mlir::Location loc,
                                 ::mlir::Value payload, int64_t rows, int64_t k,
                                 ::mlir::Value code) const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // MPQ_FORMATS_CODEBOOK_TD
