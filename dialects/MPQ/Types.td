//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TYPES_TD
#define MPQ_TYPES_TD

include "dialects/MPQ/Attrs.td"

def MPQ_TensorType : TypeDef<MPQ_Dialect, "StoredTensor"> {
  let mnemonic = "tensor";
  let summary = "weight tensor stored in a number format";
  let description = [{
    A constant f32 tensor of the given shape, stored in `format`. `axis` is the
    dimension of the output channels: the rows of the weight matrix.

    ```mlir
    !mpq.tensor<16x3x3x3, axis 0, #mpq.int<4>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "int64_t":$axis,
    AttrOrTypeParameter<"::mpq::FormatAttrInterface", "number format">:$format);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[getAxis()]; }
    int64_t getK() const;
    int64_t getStorageBytes() const;
  }];
}

def MPQ_TensorOrMemRef : AnyTypeOf<[AnyRankedTensor, AnyMemRef]>;
def MPQ_Weight : AnyTypeOf<[AnyStaticShapeTensor, MPQ_TensorType, AnyStaticShapeMemRef]>;

#endif // MPQ_TYPES_TD
