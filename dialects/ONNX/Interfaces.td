//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_ONNX_INTERFACES_TD
#define MPQ_ONNX_INTERFACES_TD

include "mlir/IR/OpBase.td"

def ONNX_ShapeInferenceOpInterface : OpInterface<"ShapeInferenceOpInterface"> {
  let cppNamespace = "::mpq::onnx";
  let description = [{
    What is known about an op's results before it runs, and whether it treats
    the samples of a batch alike. Implemented per family of ops in
    `dialects/ONNX/Ops/<Family>/`.
  }];
  let methods = [
    InterfaceMethod<[{
      Appends the types of the results that are there, as static as the operand
      types and the known values allow. Operands may have dynamic dimensions
      and unknown rank. Operands that contradict each other are an error that
      names both.
    }], "::llvm::LogicalResult", "inferTypes",
    (ins "const ::mpq::onnx::ValueTable &":$values,
         "::llvm::SmallVectorImpl<::mlir::Type> &":$types)>,

    InterfaceMethod<[{
      The value of the (single) result as far as it is known: arithmetic on
      shapes. Only called when the result is small.
    }], "::std::optional<::mpq::onnx::PartialTensor>", "inferValue",
    (ins "const ::mpq::onnx::ValueTable &":$values), [{}], [{
      return std::nullopt;
    }]>,

    InterfaceMethod<[{
      Whether dimension 0 of every result runs over samples, sample i of it made
      from nothing but sample i of the operands marked in `batched` and from
      the other operands. Types are inferred. `batched` has an entry per operand
      of the operation.
    }], "bool", "isSampleParallel", (ins "::llvm::ArrayRef<bool>":$batched),
    [{}], [{
      return false;
    }]>,

    InterfaceMethod<[{
      Whether operand `index` of the operation says how large the result is
      (the target of Reshape), rather than what is in it.
    }], "bool", "isShapeOperand", (ins "unsigned":$index), [{}], [{
      return false;
    }]>
  ];
}

def ONNX_LoweringOpInterface : OpInterface<"LoweringOpInterface"> {
  let cppNamespace = "::mpq::onnx";
  let description = [{
    The op in terms of tensor, linalg, arith and math, or of the ops of MPQ.
    All shapes are static, constants have been folded.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the results' values, with the results' types, from `operands`, one
      for each operand of the operation and of its type. Failure has been
      reported as an error at the op.
    }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "lower",
    (ins "::mlir::OpBuilder &":$b, "::mlir::ValueRange":$operands)>
  ];
}

#endif // MPQ_ONNX_INTERFACES_TD
