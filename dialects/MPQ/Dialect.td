//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECT_TD
#define MPQ_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def MPQ_Dialect : Dialect {
  let name = "mpq";
  let cppNamespace = "::mpq";
  let summary = "sites, formats, quantized operands and layouts";
  let description = [{
    What MPQ adds to MLIR: the *decision* which number format each weight gets
    (`mpq.site`), the formats themselves (attributes that implement
    `FormatAttrInterface`), tensors stored in them (`!mpq.tensor`), and the ops
    that kernels implement, on blocked layouts, in float as in low bits.
    See docs/Rationale/MPQDialect.md.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

class MPQ_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<MPQ_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

#endif // MPQ_DIALECT_TD
