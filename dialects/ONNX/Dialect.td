//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_ONNX_DIALECT_TD
#define MPQ_ONNX_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::mpq::onnx";
  let summary = "the ops of the ONNX standard";
  let description = [{
    Every op of the default domain `ai.onnx`, in the newest version of its
    schema, under its own name and with its own operand and attribute names
    (`onnx.Conv`, `onnx.BatchNormalization`). The ops are generated from the
    schemas when the compiler is built. Models of older opsets are upgraded
    while importing, so that nothing behind the importer knows about versions.

    All ops share one syntax. An operand that is optional and missing in the
    middle of the list is written `_`:

    ```mlir
    %0 = onnx.Conv(%x, %w) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}
        : (tensor<?x3x32x32xf32>, tensor<16x3x3x3xf32>) -> tensor<?x16x32x32xf32>
    %1 = onnx.Clip(%0, _, %six) : (tensor<?x16x32x32xf32>, tensor<f32>) -> tensor<?x16x32x32xf32>
    ```
  }];
  let extraClassDeclaration = [{
    /// The name of a function argument or result in the ONNX file.
    static constexpr llvm::StringLiteral kNameAttr = "onnx.name";
    /// Its shape as the model declares it; -1 is a dynamic dimension.
    static constexpr llvm::StringLiteral kShapeAttr = "onnx.shape";
    /// The names of its dimensions, "" for numbers. Dimensions of one name have
    /// one size; those of results may be expressions like "2 * T".
    static constexpr llvm::StringLiteral kDimsAttr = "onnx.dims";
    /// On a Constant of integers: those of them that are expressions of sizes,
    /// as a map from the symbols to all elements.
    static constexpr llvm::StringLiteral kSizesAttr = "onnx.sizes";
  }];
  let hasConstantMaterializer = 1;
  let useDefaultTypePrinterParser = 1;
}

class ONNX_Type<string name, string typeMnemonic> : TypeDef<ONNX_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def ONNX_StringType : ONNX_Type<"String", "string"> {
  let summary = "element type of a tensor of strings";
}

def ONNX_SequenceType : ONNX_Type<"Sequence", "seq"> {
  let summary = "a list of values of one type";
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}

def ONNX_OptionalType : ONNX_Type<"Optional", "opt"> {
  let summary = "a value or none";
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}

/// Syntax and the checks that follow from the schema (see Schema.h).
def ONNX_SchemaOp : NativeOpTrait<"SchemaOp"> {
  let cppNamespace = "::mpq::onnx";
}

class ONNX_Op<string mnemonic, list<Trait> traits = []>
    : Op<ONNX_Dialect, mnemonic, !listconcat(traits, [ONNX_SchemaOp])> {
  // One builder for all. A null operand is an optional one that is missing.
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::ValueRange":$operands,
                                 CArg<"::llvm::ArrayRef<::mlir::NamedAttribute>", "{}">:$attributes), [{
    ::mpq::onnx::buildSchemaOp($_state, results, operands, attributes);
  }]>];
  let extraClassDeclaration = [{
    static ::mlir::ParseResult parse(::mlir::OpAsmParser &parser, ::mlir::OperationState &state) {
      return ::mpq::onnx::parseSchemaOp(parser, state);
    }
    void print(::mlir::OpAsmPrinter &printer) {
      ::mpq::onnx::printSchemaOp(printer, this->getOperation());
    }
  }];
}

#endif // MPQ_ONNX_DIALECT_TD
