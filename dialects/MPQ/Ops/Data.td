//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// Ops without weights on blocked activations. Same conventions as Compute.td.
#ifndef MPQ_OPS_DATA_TD
#define MPQ_OPS_DATA_TD

include "dialects/MPQ/Ops/Compute.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def MPQ_PoolKind : I32EnumAttr<"PoolKind", "kind of pooling", [
    I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]> {
  let cppNamespace = "::mpq";
  let genSpecializedAttr = 0;
}
def MPQ_PoolKindAttr : EnumAttr<MPQ_Dialect, MPQ_PoolKind, "pool_kind"> {
  let assemblyFormat = "$value";
}

def MPQ_ConvertOp : MPQ_ComputeOp<"convert"> {
  let summary = "change of layout, of quantization and of precision";
  let description = [{
    Semantics: the same logical N x C x H x W values in another layout (absent:
    plain NCHW), read with `input_quant` and written with `output_quant`
    (absent: float, f32 or bf16). The borders of the result are zero (or the zero point).

    Constraints: C1 equal logical shapes; C2 u8 exactly where quantized.

    Example:
    ```mlir
    %y = mpq.convert ins(%x : tensor<1x3x32x32xf32>) outs(%e : tensor<1x3x34x34x1xf32>)
      {output_layout = #mpq.blocked<1x3x32x32, block = 1, border = [1, 1, 1, 1]>} -> tensor<1x3x34x34x1xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_TensorOrMemRef:$init,
    OptionalAttr<MPQ_BlockedAttr>:$input_layout,
    OptionalAttr<MPQ_BlockedAttr>:$output_layout,
    OptionalAttr<MPQ_UniformAttr>:$input_quant,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def MPQ_PoolOp : MPQ_ComputeOp<"pool"> {
  let summary = "2-D max or average pooling";
  let description = [{
    Semantics: the maximum or the mean over each window. For `max`, padding
    never wins; for `average`, it is counted as zero when `count_include_pad`,
    and left out otherwise (also at the right and bottom when the last window
    runs past the padding, `ceil_mode`). Global pooling is a window of H x W.

    Constraints: C1 shapes agree; C2 u8 exactly where quantized.

    Example:
    ```mlir
    %y = mpq.pool max ins(%x : tensor<1x16x8x8xf32>) outs(%e : tensor<1x16x4x4xf32>)
      {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x16x4x4xf32>
    ```
  }];
  let arguments = (ins MPQ_PoolKindAttr:$kind, MPQ_TensorOrMemRef:$input, MPQ_TensorOrMemRef:$init,
    DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    UnitAttr:$count_include_pad,
    OptionalAttr<MPQ_BlockedAttr>:$input_layout,
    OptionalAttr<MPQ_BlockedAttr>:$output_layout,
    OptionalAttr<MPQ_UniformAttr>:$input_quant,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    $kind `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def MPQ_SlicePadOp : MPQ_ComputeOp<"slice_pad"> {
  let summary = "strided slice, then zero padding";
  let description = [{
    Semantics, per dimension d of N, C, H, W:
    `y[i] = x[offset[d] + (i - low[d]) * stride[d]]` where that lies inside the
    slice of `sizes[d]` elements, zero elsewhere. What the parameter-free
    ("option A") shortcuts of residual networks do; the result may be the
    residual of a convolution.

    Constraints: C1 the slice lies inside the input; C2 the result fits.

    Example:
    ```mlir
    %y = mpq.slice_pad ins(%x : tensor<1x16x32x32xf32>) outs(%e : tensor<1x32x16x16xf32>)
      {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 16, 16, 16>, strides = array<i64: 1, 1, 2, 2>,
       low = array<i64: 0, 8, 0, 0>} -> tensor<1x32x16x16xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_TensorOrMemRef:$init,
    DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$low,
    OptionalAttr<MPQ_BlockedAttr>:$input_layout,
    OptionalAttr<MPQ_BlockedAttr>:$output_layout,
    OptionalAttr<MPQ_UniformAttr>:$input_quant,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def MPQ_MapOp : MPQ_ComputeOp<"map", [IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "elementwise computation on one layout";
  let description = [{
    Semantics: the region maps the elements of the inputs at one position to the
    result's. Every input has the logical shape of the result, or is a
    per-channel vector of C elements (rank 1; C is dimension 1), or, on plain
    rows (rank 2), has one element a row (`rows x 1`). Rows may be dynamic. All rank-4 inputs and the result
    share one layout up to borders. Chains of elementwise ops fuse into one.

    Constraints: C1 block arguments are the f32 scalars of the inputs; C2 one
    f32 is yielded.

    Example:
    ```mlir
    %y = mpq.map ins(%a, %b : tensor<1x16x8x8xf32>, tensor<1x16x8x8xf32>) outs(%e : tensor<1x16x8x8xf32>) {
    ^bb0(%p: f32, %q: f32):
      %s = arith.addf %p, %q : f32
      mpq.yield %s : f32
    } -> tensor<1x16x8x8xf32>
    ```
  }];
  let arguments = (ins Variadic<MPQ_TensorOrMemRef>:$inputs, MPQ_TensorOrMemRef:$init,
    OptionalAttr<MPQ_BlockedAttr>:$output_layout,
    OptionalAttr<TypedArrayAttrBase<AnyAttr, "layout or unit for each input">>:$input_layouts,
    OptionalAttr<TypedArrayAttrBase<AnyAttr, "quantization or unit for each input">>:$input_quants,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict-with-keyword $body (`->` type($results)^)?
  }];
}

def MPQ_YieldOp : MPQ_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["MapOp"]>]> {
  let summary = "result of an `mpq.map` region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ }]>];
}

#endif // MPQ_OPS_DATA_TD
