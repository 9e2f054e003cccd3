//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// Ops with weights that kernel families implement. Destination-passing style,
// on tensors or memrefs; `init` is the destination, its contents are not read.
// An activation that is not quantized is f32 or bf16, whatever the others are:
// kernels compute in f32 and round what they store.
#ifndef MPQ_OPS_COMPUTE_TD
#define MPQ_OPS_COMPUTE_TD

include "dialects/MPQ/Ops/Sites.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"

class MPQ_ComputeOp<string name, list<Trait> traits = []> : MPQ_Op<name, !listconcat(traits, [
    DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<MPQ_ComputeOpInterface>])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  code computeClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDeclaration = computeClassDeclaration;
}

def MPQ_ConvOp : MPQ_ComputeOp<"conv", [AttrSizedOperandSegments]> {
  let summary = "2-D convolution with fused epilogue";
  let description = [{
    Semantics, with `x` the input's real values and `w` the weight's:

        y[n,o,h,w'] = bias[o] + residual[n,o,h,w'] +
            sum over i, kh, kw of w[o,i,kh,kw] *
              x[n, i + group(o), h*stride - pad + kh*dilation, ...]
        result = quantize(clamp(y))

    `weight_shape` is O, I/groups, KH, KW; `pads` is top, left, bottom, right.
    `input_quant`/`residual_quant` say how u8 operands are to be read,
    `output_quant` how the result is written; absent means float, f32 or bf16.
    Layout attributes absent mean plain NCHW.

    Constraints: C1 operand shapes agree with their layouts and with the
    convolution arithmetic; C2 u8 exactly where a quantization is given; C3 bias
    is f32 of O elements; C4 residual has the logical shape of the result; C5
    I and O are divisible by groups.

    Example:
    ```mlir
    %y = mpq.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) bias(%b : tensor<16xf32>)
           outs(%e : tensor<1x16x8x8xf32>) {weight_shape = array<i64: 16, 3, 3, 3>, strides = array<i64: 1, 1>,
           dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, groups = 1 : i64} -> tensor<1x16x8x8xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_Weight:$weight,
    Optional<MPQ_TensorOrMemRef>:$bias, Optional<MPQ_TensorOrMemRef>:$residual,
    MPQ_TensorOrMemRef:$init,
    DenseI64ArrayAttr:$weight_shape, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads, I64Attr:$groups,
    OptionalAttr<MPQ_RangeAttr>:$clamp,
    OptionalAttr<MPQ_BlockedAttr>:$input_layout,
    OptionalAttr<MPQ_BlockedAttr>:$residual_layout,
    OptionalAttr<MPQ_BlockedAttr>:$output_layout,
    OptionalAttr<MPQ_UniformAttr>:$input_quant,
    OptionalAttr<MPQ_UniformAttr>:$residual_quant,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = computeClassDeclaration # [{
    /// Logical N, C, H, W of the input and of the result.
    ::llvm::SmallVector<int64_t> getInputShape();
    ::llvm::SmallVector<int64_t> getOutputShape();
    bool isDepthwise() {
      return getGroups() > 1 && getWeightShape()[1] == 1 && getWeightShape()[0] == static_cast<int64_t>(getGroups());
    }
  }];
}

def MPQ_MatmulOp : MPQ_ComputeOp<"matmul", [AttrSizedOperandSegments]> {
  let summary = "matrix product with a weight, fused epilogue";
  let description = [{
    Semantics: `y[m, n] = bias[n] + residual[m, n] + sum over k of x[m, k] * w[n, k]`,
    then clamp, then quantize, as in `mpq.conv`. The input is row-major
    `[M, K]`, the result row-major `[M, N]`; `weight_shape` is N, K. A float
    weight is stored `[N, K]` (`weight_axis` 0) or `[K, N]` (`weight_axis` 1).

    Constraints: C1 shapes agree; C2 u8 exactly where a quantization is given,
    elsewhere f32, bf16 or, for kernels of GPUs, f16; C3 bias is f32 of N
    elements.

    Example:
    ```mlir
    %y = mpq.matmul ins(%x, %w : tensor<1x64xf32>, tensor<10x64xf32>) bias(%b : tensor<10xf32>)
           outs(%e : tensor<1x10xf32>) {weight_shape = array<i64: 10, 64>} -> tensor<1x10xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$input, MPQ_Weight:$weight,
    Optional<MPQ_TensorOrMemRef>:$bias, Optional<MPQ_TensorOrMemRef>:$residual,
    MPQ_TensorOrMemRef:$init, DenseI64ArrayAttr:$weight_shape,
    DefaultValuedAttr<I64Attr, "0">:$weight_axis,
    OptionalAttr<MPQ_RangeAttr>:$clamp,
    OptionalAttr<MPQ_UniformAttr>:$input_quant,
    OptionalAttr<MPQ_UniformAttr>:$residual_quant,
    OptionalAttr<MPQ_UniformAttr>:$output_quant,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def MPQ_GatherOp : MPQ_ComputeOp<"gather"> {
  let summary = "rows of a (stored) weight by index";
  let description = [{
    Semantics: `y[i..., :] = w[indices[i...], :]` in f32 or bf16; a negative index counts
    from the end. `weight_shape` is rows, K.

    Constraints: C1 shapes agree; C2 indices are i64 or i32.

    Example:
    ```mlir
    %y = mpq.gather ins(%ids, %w : tensor<1x7xi64>, tensor<512x64xf32>) outs(%e : tensor<1x7x64xf32>)
           {weight_shape = array<i64: 512, 64>} -> tensor<1x7x64xf32>
    ```
  }];
  let arguments = (ins MPQ_TensorOrMemRef:$indices, MPQ_Weight:$weight,
    MPQ_TensorOrMemRef:$init, DenseI64ArrayAttr:$weight_shape,
    OptionalAttr<StrAttr>:$family);
  let assemblyFormat = [{
    `ins` `(` $indices `,` $weight `:` type($indices) `,` type($weight) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

#endif // MPQ_OPS_COMPUTE_TD
