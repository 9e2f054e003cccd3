//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_ATTRS_TD
#define MPQ_ATTRS_TD

include "dialects/MPQ/Dialect.td"
include "dialects/MPQ/Interfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"

def MPQ_BlockedAttr : MPQ_Attr<"Blocked", "blocked"> {
  let summary = "channel-blocked, bordered activation layout";
  let description = [{
    Where the elements of a logical N x C x H x W activation lie. The physical
    shape is

        N x ceil(C / block) x (top + H + bottom) x (left + W + right) x block

    and element (n, c, h, w) is at [n][c / block][top + h][left + w][c % block].
    One vector load gives `block` channels of one pixel, which is what
    convolution kernels multiply. The border holds the value zero (the zero
    point where the activation is quantized), so kernels read padding like any
    pixel. Every op that writes a blocked result writes all of it, border and
    channel tail included; the tail holds finite values that nobody reads.

    `block = 1` is planar with a border, for inputs of few channels.

    ```mlir
    // 20 channels of 14 x 14 in vectors of 16, ready for a 3 x 3 convolution:
    tensor<1x2x16x16x16xf32, #mpq.blocked<1x20x14x14, block = 16, border = [1, 1, 1, 1]>>
    ```
  }];
  let parameters = (ins
    ArrayRefParameter<"int64_t", "logical shape N, C, H, W">:$shape,
    "int64_t":$block, "int64_t":$top, "int64_t":$left, "int64_t":$bottom,
    "int64_t":$right);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getChannelBlocks() const { return (getShape()[1] + getBlock() - 1) / getBlock(); }
    int64_t getPaddedHeight() const { return getTop() + getShape()[2] + getBottom(); }
    int64_t getPaddedWidth() const { return getLeft() + getShape()[3] + getRight(); }
    bool hasBorder() const { return getTop() || getLeft() || getBottom() || getRight(); }
    /// The five physical dimensions.
    ::llvm::SmallVector<int64_t> getPhysicalShape() const;
    /// The tensor type that has this layout as its encoding.
    ::mlir::RankedTensorType getTensorType(::mlir::Type elementType) const;
  }];
}

def MPQ_UniformAttr : MPQ_Attr<"Uniform", "uniform"> {
  let summary = "unsigned quantization of an activation in 8 bits or fewer";
  let description = [{
    real = scale * (code - zero_point), code in [0, 2^bits - 1]; rounding is half
    to even, out-of-range values saturate. Codes are bytes, however few bits they
    have; 8 bits need not be written.

    ```mlir
    #mpq.uniform<scale = 2.500000e-02, zero_point = 3>
    #mpq.uniform<scale = 4.000000e-01, zero_point = 1, bits = 4>
    ```
    `#mpq.uniform<dynamic>` (scale 0) means: computed per sample (convolution) or
    row (matrix product) from the data. `#mpq.uniform<dynamic, group = 32>`: for
    every 32 columns of a row, around the zero point 2^(bits - 1), of 2 bits or
    more. Formulas: mpq/Kernel/DynamicQuantization.h.
  }];
  let parameters = (ins AttrParameter<"::mpq::Real", "real number">:$scale, "int64_t":$zeroPoint,
                        "int64_t":$group, "int64_t":$bits);
  let builders = [
    AttrBuilder<(ins "::mpq::Real":$scale, "int64_t":$zeroPoint, CArg<"int64_t", "8">:$bits), [{
      return $_get($_ctxt, scale, zeroPoint, /*group=*/0, bits);
    }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool isDynamic() const { return getScale().value == 0.0; }
    /// Whether every `getGroup()` columns have a scale.
    bool isGrouped() const { return getGroup() != 0; }
    /// The largest code.
    int64_t getMaxCode() const { return (int64_t(1) << getBits()) - 1; }
    /// The zero point of groups.
    int64_t getMiddle() const { return int64_t(1) << (getBits() - 1); }
    /// Computed from every `group` columns; 0: from all.
    static UniformAttr getDynamic(::mlir::MLIRContext *context, int64_t group = 0, int64_t bits = 8) {
      return get(context, Real(0), int64_t(0), group, bits);
    }
  }];
}

def MPQ_RangeAttr : MPQ_Attr<"Range", "range"> {
  let summary = "closed interval of reals";
  let description = [{
    An observed activation range, or the clamp of a fused activation function:
    ReLU is `#mpq.range<0.0, inf>`.
  }];
  let parameters = (ins AttrParameter<"::mpq::Real", "real number">:$min, AttrParameter<"::mpq::Real", "real number">:$max);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def MPQ_Activations : I32EnumAttr<"Activations", "what the activations that meet a quantized weight are stored as", [
    I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"Int8", 1, "int8">]> {
  let cppNamespace = "::mpq";
  let genSpecializedAttr = 0;
}

def MPQ_CandidateAttr : MPQ_Attr<"Candidate", "candidate"> {
  let summary = "one format that a site could get, and what it would cost";
  let description = [{
    `bytes` is the whole payload; `error` is what `metric` measured for this
    site alone in this format, with the rest in fp32 (nothing measured yet when
    the metric is empty). `activations` says what the site's ops read their
    input as, where that is a part of the choice; `ns` is the predicted time of
    these ops for one sample (0, not written: nothing is predicted).

    ```mlir
    #mpq.candidate<#mpq.int<4>, bytes = 1216, error = 1.200000e-03, metric = "kl">
    #mpq.candidate<#mpq.int<4>, activations = int8, bytes = 1216, ns = 18400, error = 1.500000e-03, metric = "kl">
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"::mpq::FormatAttrInterface", "number format">:$format,
    "::std::optional<::mpq::Activations>":$activations, "int64_t":$bytes, "int64_t":$nanoseconds,
    AttrParameter<"::mpq::Real", "real number">:$error, StringRefParameter<"metric">:$metric);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// What tells it from the other candidates of its site, in words: `int4`,
    /// `int4 with int8 activations`.
    std::string getLabel() const;
    /// The same candidate with another prediction, or another measurement.
    CandidateAttr withNanoseconds(int64_t nanoseconds) const;
    CandidateAttr withError(double error, ::llvm::StringRef metric) const;
  }];
}

def MPQ_CandidateArrayAttr : TypedArrayAttrBase<MPQ_CandidateAttr, "candidates">;

#endif // MPQ_ATTRS_TD
