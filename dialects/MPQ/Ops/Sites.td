//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// Ops of the `planned` and `quantized` stages: decisions and stored weights.
#ifndef MPQ_OPS_SITES_TD
#define MPQ_OPS_SITES_TD

include "dialects/MPQ/Types.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

class MPQ_Op<string name, list<Trait> traits = []> : Op<MPQ_Dialect, name, traits>;

def MPQ_SiteOp : MPQ_Op<"site", [Pure, AllTypesMatch<["weight", "result"]>]> {
  let summary = "a weight whose format is to be decided";
  let description = [{
    Semantics: the identity. Stands between a weight and its consumer and
    carries the decision: `candidates`, each with its bytes and its measured
    error, and the index of the chosen one. Without `choice` the weight stays
    in f32.

    Constraints: C1 `axis` is a dimension of the weight; C2 `choice` is an index
    into `candidates`; C3 the weight is a static f32 tensor; C4 candidate bytes
    are those of the format; C5 names are unique within a function (checked by
    `mpq-verify-planned`).

    Example:
    ```mlir
    %1 = mpq.site %0 "conv1.weight" axis 0 choice 1 candidates [
      #mpq.candidate<#mpq.int<2>, bytes = 172, error = 3.100000e-01, metric = "kl">,
      #mpq.candidate<#mpq.int<4>, bytes = 280, error = 1.200000e-03, metric = "kl">] : tensor<16x3x3x3xf32>
    ```
  }];
  let arguments = (ins AnyStaticShapeTensor:$weight, StrAttr:$name, I64Attr:$axis,
    MPQ_CandidateArrayAttr:$candidates, OptionalAttr<I64Attr>:$choice,
    OptionalAttr<StrAttr>:$tie);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = [{
    $weight $name `axis` $axis (`tie` $tie^)? (`choice` $choice^)? `candidates` $candidates
    attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getRows();
    int64_t getK();
    /// The chosen candidate, null if the weight stays in f32.
    CandidateAttr getChosen();
  }];
}

def MPQ_ConstantOp : MPQ_Op<"constant", [Pure]> {
  let summary = "a weight stored in a number format";
  let description = [{
    Semantics: the payload (a 1-D i8 tensor, normally a `dense_resource`) read
    in the format of the result type.

    Constraints: C1 the payload has exactly the bytes that the format needs.

    Example:
    ```mlir
    %w = mpq.constant dense_resource<conv1.weight> : tensor<280xi8> as !mpq.tensor<16x3x3x3, axis 0, #mpq.int<4>>
    ```
  }];
  let arguments = (ins ElementsAttr:$payload);
  let results = (outs MPQ_TensorType:$result);
  let assemblyFormat = "$payload attr-dict `as` type($result)";
  let hasVerifier = 1;
}

def MPQ_DequantizeOp : MPQ_Op<"dequantize", [Pure]> {
  let summary = "the f32 values of a stored weight";
  let description = [{
    Semantics: decodes the payload: the reference meaning of every format. For
    consumers that no kernel implements on stored weights.

    Constraints: C1 equal shapes.

    Example:
    ```mlir
    %0 = mpq.dequantize %w : !mpq.tensor<8x4, axis 0, #mpq.int<4>> -> tensor<8x4xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorType:$input);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MPQ_PackOp : MPQ_Op<"pack", [Pure]> {
  let summary = "a weight in the layout that a kernel family chose";
  let description = [{
    Semantics: calls the function `packer` (weight payload in, packed bytes
    out), which the family emitted. `site` is the weight's name. The packed
    bytes live in the `weights` blob when the weight is float (packed while
    compiling) and in `prepared` when it is stored in low bits (packed at load).
    With `as_stored` the packed bytes are the payload itself, zeros behind it;
    they live in `weights`, once for all that read the payload.

    Example:
    ```mlir
    %p = mpq.pack %w "conv1.weight" with @pack_conv1_weight : tensor<16x3x3x3xf32> -> tensor<2304xi8>
    ```
  }];
  let arguments = (ins MPQ_Weight:$weight, StrAttr:$site, UnitAttr:$as_stored, FlatSymbolRefAttr:$packer);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$weight $site (`as_stored` $as_stored^)? `with` $packer attr-dict `:` type($weight) `->` type($result)";
}

#endif // MPQ_OPS_SITES_TD
