//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The schemas of the ONNX standard as tables, and what all ops of the dialect
// share because of them: syntax, verifier, builder. The tables (Schemas.inc)
// are written by generate_ods.py from the PyPI package `onnx`.
//
// ONNX gives every op a list of *slots*: one per formal parameter, the last
// parameter may be variadic and takes all that are left. A slot of an optional
// parameter may be empty, also in the middle. An operation only holds the
// values that are there; the functions below translate.
//
//   node Clip, inputs ["x", "", "max"]
//   slots     x, null, max
//   operands  x, max       operandSegmentSizes = 1, 0, 1
//   text      onnx.Clip(%x, _, %max)
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_SCHEMA_H
#define MPQ_DIALECTS_ONNX_SCHEMA_H

#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

namespace mpq::onnx {

enum class Option { Single, Optional, Variadic };
enum class AttrKind {
  Int,
  Float,
  String,
  Ints,
  Floats,
  Strings,
  Tensor,
  SparseTensor,
  Type,
  Graph
};

/// The types that a parameter may have. Bit n of `elements` allows tensors
/// whose element type is number n of TensorProto.DataType.
struct TypeSet {
  uint64_t elements;
  bool sequence;
  bool optional;
};

/// A formal parameter. Parameters with the same `variable` (not -1) have the
/// same element type.
struct Parameter {
  llvm::StringLiteral name;
  Option option;
  int variable;
  TypeSet types;
};

struct AttributeSchema {
  llvm::StringLiteral name;
  AttrKind kind;
  bool required;
};

/// The newest version of an op's schema.
struct OpSchema {
  llvm::StringLiteral name; // without the dialect: "Conv"
  int64_t sinceVersion;
  unsigned minInputs;
  unsigned minOutputs;
  llvm::ArrayRef<Parameter> inputs;
  llvm::ArrayRef<Parameter> outputs;
  llvm::ArrayRef<AttributeSchema> attributes;

  const AttributeSchema *lookupAttribute(llvm::StringRef attribute) const;
  /// The parameter that slot `index` belongs to, or null if there are not so
  /// many.
  static const Parameter *getParameter(llvm::ArrayRef<Parameter> parameters,
                                       size_t index);
};

/// The schema of the op `name` ("Conv"), or null.
const OpSchema *lookupSchema(llvm::StringRef name);
/// The opset that the schemas belong to.
int64_t getNewestOpset();

/// The slots of an operation; trailing empty ones are left out.
llvm::SmallVector<mlir::Value> getOperandSlots(mlir::Operation *op);
llvm::SmallVector<mlir::Value> getResultSlots(mlir::Operation *op);

/// The element type for a number of TensorProto.DataType: signed integers and
/// bool are signless (i64, i1), unsigned ones are ui8...; null if MLIR has no
/// such type.
mlir::Type getElementType(int dataType, mlir::MLIRContext *context);
/// The inverse; 0 (UNDEFINED) for any other type.
int getDataType(mlir::Type elementType);

/// The implementation of the ops' builder, parser, printer and verifier.
void buildSchemaOp(mlir::OperationState &state, mlir::TypeRange results,
                   mlir::ValueRange operands,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes);
mlir::ParseResult parseSchemaOp(mlir::OpAsmParser &parser,
                                mlir::OperationState &state);
void printSchemaOp(mlir::OpAsmPrinter &printer, mlir::Operation *op);
llvm::LogicalResult verifySchemaOp(mlir::Operation *op);

/// Every op of the dialect has this trait.
template <typename ConcreteOp>
struct SchemaOp : mlir::OpTrait::TraitBase<ConcreteOp, SchemaOp> {
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifySchemaOp(op);
  }
};

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_SCHEMA_H
