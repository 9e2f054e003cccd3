//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// Ops on rows: the last dimension is what an op works along, all others only
// count rows. Always plain row-major; the number of rows may be dynamic.
#ifndef MPQ_OPS_ROWS_TD
#define MPQ_OPS_ROWS_TD

include "dialects/MPQ/Ops/Compute.td"

def MPQ_SoftmaxOp : MPQ_ComputeOp<"softmax"> {
  let summary = "softmax of each row";
  let description = [{
    Semantics: `y[r, c] = exp(x[r, c] - m[r]) / sum over c of exp(x[r, c] - m[r])`
    with `m[r]` the largest element of the row. A row of -inf alone is NaN.

    Constraints: C1 result and input have the same shape, of rank 1 or more;
    C2 both are f32 or bf16.

    Example:
    ```mlir
    %y = mpq.softmax ins(%x : tensor<3x?x?xf32>) outs(%e : tensor<3x?x?xf32>) -> tensor<3x?x?xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_TensorOrMemRef:$init,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def MPQ_NormalizeOp : MPQ_ComputeOp<"normalize", [AttrSizedOperandSegments]> {
  let summary = "LayerNorm or RMSNorm of each row";
  let description = [{
    Semantics, with `C` the size of a row:

        m[r] = centered ? sum over c of x[r, c] / C : 0
        v[r] = sum over c of (x[r, c] - m[r])^2 / C
        y[r, c] = (x[r, c] - m[r]) / sqrt(v[r] + epsilon) * scale[c] + bias[c]

    With `centered` this is LayerNorm, without it RMSNorm. An absent scale is
    1, an absent bias 0. With `output_quant`, a static quantization, the result
    is codes.

    Constraints: C1 result and input have the same shape, of rank 1 or more,
    with a static last dimension C; C2 scale and bias are floats of C elements; C3
    epsilon is not negative.

    Example:
    ```mlir
    %y = mpq.normalize ins(%x : tensor<1x?x64xf32>) scale(%g : tensor<64xf32>)
           outs(%e : tensor<1x?x64xf32>) {epsilon = 1.000000e-05 : f32} -> tensor<1x?x64xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, Optional<MPQ_TensorOrMemRef>:$scale,
    Optional<MPQ_TensorOrMemRef>:$bias, MPQ_TensorOrMemRef:$init, UnitAttr:$centered,
    F32Attr:$epsilon, OptionalAttr<MPQ_UniformAttr>:$output_quant, OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` (`scale` `(` $scale^ `:` type($scale) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def MPQ_RotaryOp : MPQ_ComputeOp<"rotary"> {
  let summary = "rotary position embedding of the heads of each row";
  let description = [{
    Semantics: a row holds `heads` heads of D elements from element `offset` on;
    row s of a sequence is at position s. With H = D / 2, each head becomes, for
    d < H,

        y[d]     = x[d] * cos[s, d] - x[d + H] * sin[s, d]
        y[d + H] = x[d + H] * cos[s, d] + x[d] * sin[s, d]

    The result holds the heads only, one after the other. `cos` and `sin` may
    have more rows than the sequence.

    Constraints: C1 the input is `[..., S, P]` of rank 2 or more, with P static;
    the result `[..., S, heads * D]`; C2 `cos` and `sin` are `[rows, H]`, with
    rows at least S; C3 the heads lie within the row.

    Example:
    ```mlir
    %y = mpq.rotary ins(%x, %cos, %sin : tensor<1x?x96xf32>, tensor<512x4xf32>, tensor<512x4xf32>)
           outs(%e : tensor<1x?x64xf32>) {heads = 8 : i64, offset = 0 : i64} -> tensor<1x?x64xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_TensorOrMemRef:$cos, MPQ_TensorOrMemRef:$sin,
    MPQ_TensorOrMemRef:$init, I64Attr:$heads, DefaultValuedAttr<I64Attr, "0">:$offset,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `,` $cos `,` $sin `:` type($input) `,` type($cos) `,` type($sin) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = computeClassDeclaration # [{
    int64_t getHeadSize() { return 2 * ::mlir::cast<::mlir::ShapedType>(getCos().getType()).getDimSize(1); }
  }];
}

def MPQ_AttentionOp : MPQ_ComputeOp<"attention"> {
  let summary = "scaled dot-product attention of all heads";
  let description = [{
    Semantics: rows of queries, keys and values hold the heads one after the
    other, from the elements `offsets` (of query, key, value) on, so that
    transposing heads to the front, splitting a joint projection and repeating
    the heads of keys and values for groups of query heads are addresses, not
    copies. For head h, which reads head g = h / (heads / kv_heads) of keys and
    values, and row s of B x S queries, over the rows t of B x T keys:

        a[s, t] = scale * sum over d of q[s, h, d] * k[t, g, d] + mask[h, s, t]
        y[s, h, :] = sum over t of softmax(a[s, :])[t] * v[t, g, :]

    With `operand_quant`, `#mpq.uniform<dynamic>`, both products are of codes
    that the kernel makes: of each row of a head of the queries, keys and values,
    with a symmetric scale of its own, and of the weights of each query and block
    of 128 keys, with which the scales of the values have been multiplied. Sums
    are of integers, exact; mpq/Kernel/IntegerAttention.h has the formulas. With
    `output_quant`, a static quantization, the result is codes.

    With `causal`, t runs over 0 ... s only. The mask's dimensions are aligned
    at the end with B, heads, S, T; those that are 1, or not there, are the same
    for all.

    Constraints: C1 query, key, value and result have the rank 2 (S or T, row)
    or 3 (B first), with static rows; C2 kv_heads divides heads; C3 the heads
    lie within the rows; the result's rows are heads * value_size; C4 the mask
    is float of rank 1 to 4 whose last dimension is T; dimension B is 1; C5
    numbers of rows that are static agree.

    Example: 8 heads of 8 elements, two of which share keys and values.
    ```mlir
    %y = mpq.attention ins(%q, %k, %v : tensor<1x?x64xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>)
           outs(%e : tensor<1x?x64xf32>) {causal, heads = 8 : i64, kv_heads = 4 : i64, head_size = 8 : i64,
           value_size = 8 : i64, scale = 0.353553385 : f32} -> tensor<1x?x64xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$query, MPQ_TensorOrMemRef:$key, MPQ_TensorOrMemRef:$value,
    Optional<MPQ_TensorOrMemRef>:$mask, MPQ_TensorOrMemRef:$init,
    I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$head_size, I64Attr:$value_size, F32Attr:$scale,
    DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0}">:$offsets, UnitAttr:$causal,
    OptionalAttr<MPQ_UniformAttr>:$operand_quant, OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

#endif // MPQ_OPS_ROWS_TD
