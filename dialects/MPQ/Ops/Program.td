//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// What the `bufferized` stage needs beside its code: where packed weights lie.
#ifndef MPQ_OPS_PROGRAM_TD
#define MPQ_OPS_PROGRAM_TD

include "dialects/MPQ/Ops/Sites.td"

def MPQ_SlotOp : MPQ_Op<"slot"> {
  let summary = "place of a packed weight in one of the two weight blobs";
  let description = [{
    Semantics: `size` bytes at `offset` of the blob `weights` (packed by the
    compiler, in the file), or with `prepared`, of the blob `prepared` (packed
    at load from the payload, which lies at `source_offset` of `weights`).
    `packer` is the function that packs `value`.

    Constraints: C1 `offset` is a multiple of 64; C2 `source_offset` is given
    exactly for prepared slots; C3 at module level.

    Example:
    ```mlir
    mpq.slot "conv1.weight" at 0 size 2304 packed by @pack_0 from dense_resource<conv1.weight> : tensor<16x3x3x3xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$offset, I64Attr:$size, UnitAttr:$prepared,
    FlatSymbolRefAttr:$packer, ElementsAttr:$value, OptionalAttr<I64Attr>:$source_offset);
  let assemblyFormat = [{
    $name (`prepared` $prepared^)? `at` $offset `size` $size `packed` `by` $packer `from` $value
    (`at` $source_offset^)? attr-dict
  }];
  let hasVerifier = 1;
}

#endif // MPQ_OPS_PROGRAM_TD
