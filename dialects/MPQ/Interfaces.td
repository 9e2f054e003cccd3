//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_INTERFACES_TD
#define MPQ_INTERFACES_TD

include "mlir/IR/Interfaces.td"

def MPQ_FormatAttrInterface : AttrInterface<"FormatAttrInterface"> {
  let cppNamespace = "::mpq";
  let description = [{
    A number format for weights: how one weight matrix is stored, and what the
    stored bytes mean.

    Every weight is seen as a matrix `[rows][k]` in row-major order: rows are
    the output channels, k is everything else (for a convolution I x KH x KW,
    in that order). A format stores the whole matrix in one byte string, the
    *payload*, of `getStorageBytes(rows, k)` bytes; nothing else is stored for
    the weight, so these are the bytes that allocation counts.

    Three descriptions of the same bytes, cross-checked by tests: the scalar
    `encode`/`decode` on the host (the oracle), `emitDecode` in IR, and for
    formats whose values are `level * scale` with integer levels,
    `emitLevel`/`emitScale`, from which integer dot kernels are built.

    Kernels that keep a weight in few bits store unsigned codes,

        level = step * code - zero point      code in [0, getMaxCode()]

    as `emitCode` and `emitZeroPoint` give them: unsigned, because the dot
    product instructions take one unsigned operand. By default the zero point
    is the constant that makes the smallest level the code 0. A format with a
    stored zero point, whose levels therefore need not fit the bits of a code,
    says what is stored; a binary format (-1 and 1) has step 2 and zero point 1.
  }];
  let methods = [
    InterfaceMethod<[{
      The spelling of this format in plans and on the command line, e.g.
      `int4`, `int3:g32:asym:f16`.}],
      "std::string", "getSpelling">,
    InterfaceMethod<"Bits of one code.", "unsigned", "getCodeBits">,
    InterfaceMethod<[{
      Bytes of the payload of a `rows` x `k` matrix: codes, scales, zero points
      and padding.}],
      "int64_t", "getStorageBytes", (ins "int64_t":$rows, "int64_t":$k)>,
    InterfaceMethod<[{
      Encodes `weights` (rows x k) by round-to-nearest with the best clipping
      in the sense of mean squared error. `payload` has
      `getStorageBytes(rows, k)` bytes; all of them are written.}],
      "void", "encode", (ins "::llvm::ArrayRef<float>":$weights,
        "int64_t":$rows, "int64_t":$k, "::llvm::MutableArrayRef<char>":$payload)>,
    InterfaceMethod<"The values that `payload` stands for (rows x k).",
      "void", "decode", (ins "::llvm::ArrayRef<char>":$payload, "int64_t":$rows,
        "int64_t":$k, "::llvm::MutableArrayRef<float>":$weights)>,
    InterfaceMethod<[{
      Builds IR for the f32 value at (`row`, `column`), both of index type, of
      `payload`, a 1-D memref of i8 with static size.}],
      "::mlir::Value", "emitDecode", (ins "::mlir::OpBuilder &":$builder,
        "::mlir::Location":$loc, "::mlir::Value":$payload, "int64_t":$rows,
        "int64_t":$k, "::mlir::Value":$row, "::mlir::Value":$column)>,
    InterfaceMethod<[{
      How many consecutive weights of a row share one scale, for formats whose
      values are integer level times scale (`k` when scales are per row or per
      tensor); 0 for formats that are not of this kind.}],
      "int64_t", "getIntegerGroup", (ins "int64_t":$k),
      /*body=*/"", /*default=*/"return 0;">,
    InterfaceMethod<[{
      The smallest and largest integer level (code minus zero point).}],
      "std::pair<int64_t, int64_t>", "getLevelRange", (ins),
      /*body=*/"", /*default=*/"return {0, 0};">,
    InterfaceMethod<"Builds IR for the i32 level at (`row`, `column`).",
      "::mlir::Value", "emitLevel", (ins "::mlir::OpBuilder &":$builder,
        "::mlir::Location":$loc, "::mlir::Value":$payload, "int64_t":$rows,
        "int64_t":$k, "::mlir::Value":$row, "::mlir::Value":$column),
      /*body=*/"", /*default=*/"return {};">,
    InterfaceMethod<"By how much the level grows from one code to the next.",
      "int64_t", "getLevelStep", (ins), /*body=*/"", /*default=*/"return 1;">,
    InterfaceMethod<"The largest unsigned code.",
      "int64_t", "getMaxCode", (ins), /*body=*/"",
      /*default=*/[{
        auto [low, high] = $_attr.getLevelRange();
        return (high - low) / $_attr.getLevelStep();
      }]>,
    InterfaceMethod<[{
      Builds IR for the unsigned code, an i32, at (`row`, `column`).}],
      "::mlir::Value", "emitCode", (ins "::mlir::OpBuilder &":$builder,
        "::mlir::Location":$loc, "::mlir::Value":$payload, "int64_t":$rows,
        "int64_t":$k, "::mlir::Value":$row, "::mlir::Value":$column),
      /*body=*/"", /*default=*/[{
        return ::mpq::emitCodeOfLevel($_attr, builder, loc,
            $_attr.emitLevel(builder, loc, payload, rows, k, row, column));
      }]>,
    InterfaceMethod<[{
      Builds IR for the zero point, an i32, that holds at (`row`, `column`): one
      for each scale.}],
      "::mlir::Value", "emitZeroPoint", (ins "::mlir::OpBuilder &":$builder,
        "::mlir::Location":$loc, "::mlir::Value":$payload, "int64_t":$rows,
        "int64_t":$k, "::mlir::Value":$row, "::mlir::Value":$column),
      /*body=*/"", /*default=*/[{
        return ::mpq::emitLowestZeroPoint($_attr, builder, loc);
      }]>,
    InterfaceMethod<"Builds IR for the f32 scale that holds at (`row`, `column`).",
      "::mlir::Value", "emitScale", (ins "::mlir::OpBuilder &":$builder,
        "::mlir::Location":$loc, "::mlir::Value":$payload, "int64_t":$rows,
        "int64_t":$k, "::mlir::Value":$row, "::mlir::Value":$column),
      /*body=*/"", /*default=*/"return {};">,
  ];
}

def MPQ_ComputeOpInterface : OpInterface<"ComputeOpInterface"> {
  let cppNamespace = "::mpq";
  let description = [{
    An op that kernel families implement: destination-passing style, on tensors
    or on memrefs, with the layouts and the quantization of its activations as
    attributes. `getActivationOperand(i)` enumerates the operands that are
    activations, in order; the init (destination) has its own accessors.
  }];
  let methods = [
    InterfaceMethod<"The activations that the op reads.",
      "::llvm::SmallVector<::mlir::OpOperand *>", "getActivationOperands">,
    InterfaceMethod<"The layout attribute of activation `index`, null if plain.",
      "::mpq::BlockedAttr", "getActivationLayout", (ins "unsigned":$index)>,
    InterfaceMethod<"Sets the layout attribute of activation `index`.",
      "void", "setActivationLayout", (ins "unsigned":$index, "::mpq::BlockedAttr":$layout)>,
    InterfaceMethod<"The layout of the result, null if plain.",
      "::mpq::BlockedAttr", "getResultLayout">,
    InterfaceMethod<"Sets the layout of the result.",
      "void", "setResultLayout", (ins "::mpq::BlockedAttr":$layout)>,
    InterfaceMethod<"The weight operand, or null.",
      "::mlir::OpOperand *", "getWeightOperand">,
  ];
}

#endif // MPQ_INTERFACES_TD
