//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes that are only known when the model runs, as far as they are functions
// of the sizes of its arguments.
//
// Each dynamic dimension of an argument has a *symbol*: a name that it shares
// with the dimensions of the other arguments that are always as large (`T` in
// input_ids [N, T] and attention_mask [N, T]). Shape inference computes with
// affine expressions of the symbols as it does with numbers:
//
//   %0 = onnx.MatMul(%x, %w)     [1, s0, 256] x [256, 768]  =>  [1, s0, 768]
//   %1 = onnx.Reshape(%0, 0,-1)  [1, s0, 768]               =>  [1, s0 * 768]
//
// so that two sizes are the same exactly if their expressions are. While it
// runs, the expressions are the encoding of the types,
//
//   tensor<1x?x768xf32, affine_map<()[s0] -> (1, s0, 768)>>
//
// and no type has that encoding before or after.
//
// What an op needs of the sizes beyond that (two of them are equal, a slice
// does not reach beyond the end) is a *requirement*, a set of the symbols'
// values. Inference goes on as if it held, and the model refuses other sizes
// when it runs. `onnx.dims` names the dimensions in the function's interface.
//
// In lists of sizes a number is itself, kDynamic is a size that nothing is
// known about, and an expression is a number between: far below all that stand
// for anything else (-1 in Reshape, a negative bound of Slice).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_SIZES_H
#define MPQ_DIALECTS_ONNX_SIZES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IntegerSet.h"

namespace mpq::onnx {

using Shape = llvm::SmallVector<int64_t>;
constexpr int64_t kDynamic = mlir::ShapedType::kDynamic;

//===----------------------------------------------------------------------===//
// One size
//===----------------------------------------------------------------------===//

/// Whether `size` is an expression.
bool isSymbolic(int64_t size);
/// Whether `size` is no number: an expression, or unknown.
bool isDynamic(int64_t size);
inline bool isUnknown(int64_t size) { return size == kDynamic; }

/// The size that `expr` says; unknown if it is null.
int64_t toSize(mlir::AffineExpr expr);
/// The expression of `size`, a constant for a number; null if it is unknown.
mlir::AffineExpr toExpr(int64_t size, mlir::MLIRContext *context);

/// Arithmetic on sizes that are all numbers gives a number (unknown if it
/// overflows), on expressions an expression in a form that makes equal products
/// equal expressions.
int64_t addSizes(int64_t a, int64_t b);
int64_t subtractSizes(int64_t a, int64_t b);
int64_t multiplySizes(int64_t a, int64_t b);
/// a / b where b divides a for all values of the symbols; otherwise unknown.
int64_t divideSizes(int64_t a, int64_t b);

/// `2 * T + 1`, with the symbols' names.
std::string toString(int64_t size, llvm::ArrayRef<std::string> symbols);

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// The type with these sizes, expressions as its encoding.
mlir::RankedTensorType getTypeOf(llvm::ArrayRef<int64_t> shape,
                                 mlir::Type element);
/// The sizes of a type.
Shape getSizes(mlir::RankedTensorType type);
/// The type as it stands in the IR.
mlir::RankedTensorType withoutSizes(mlir::RankedTensorType type);

/// The name of each symbol, in order. Gives the arguments' dynamic dimensions
/// their symbols: those that `onnx.dims` calls alike have the same one.
llvm::SmallVector<std::string> assignSymbols(mlir::func::FuncOp function);
/// The names of the symbols of a function, without changing it.
llvm::SmallVector<std::string> getSymbols(mlir::func::FuncOp function);
/// Takes all expressions out of the types of the function.
void eraseSizes(mlir::func::FuncOp function);

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

/// The expression that computes `value`, of index type: affine.apply, arith,
/// and tensor.dim of what `getDim` knows. Null if it is made any other way.
mlir::AffineExpr
getExpr(mlir::Value value,
        llvm::function_ref<mlir::AffineExpr(mlir::Value)> getLeaf);
/// Whether the result of `op` has the sizes of its only operand and may have any
/// type of element: conversions, quant.qcast and quant.dcast among them.
bool keepsSizes(mlir::Operation *op);

/// The sizes of a value that is not made by an `onnx` op, from the operands of
/// the op that makes it.
Shape getDefinedSizes(mlir::Value value);

/// `size` as an index, or as an attribute. The function around it has its
/// symbols.
mlir::OpFoldResult materialize(mlir::OpBuilder &b, mlir::Location loc,
                               int64_t size);
llvm::SmallVector<mlir::OpFoldResult>
materialize(mlir::OpBuilder &b, mlir::Location loc,
            llvm::ArrayRef<int64_t> shape);

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// On a function with symbols: their names, an array of strings.
constexpr llvm::StringLiteral kSymbolsAttr = "mpq.symbols";
/// On its arguments and results: their sizes, `affine_map<()[s0] -> (1, s0)>`.
constexpr llvm::StringLiteral kSizesAttr = "mpq.sizes";
/// On its results, and on the arguments that they become: that they are.
constexpr llvm::StringLiteral kResultAttr = "mpq.result";
/// On the function: an array of [set, "the op that requires it"].
constexpr llvm::StringLiteral kRequirementsAttr = "mpq.requirements";

//===----------------------------------------------------------------------===//
// Requirements
//===----------------------------------------------------------------------===//

/// What an op needs of the sizes.
struct Requirement {
  mlir::Location loc;
  mlir::IntegerSet set;
};

/// Notes at `op` that its sizes are right if a == b, or a <= b.
void requireEqual(mlir::Operation *op, int64_t a, int64_t b);
void requireAtMost(mlir::Operation *op, int64_t a, int64_t b);
/// Takes what has been noted at `op` since the last time.
llvm::SmallVector<Requirement> takeRequirements(mlir::Operation *op);

/// `T <= 512`.
std::string toString(mlir::IntegerSet set, llvm::ArrayRef<std::string> symbols);

} // namespace mpq::onnx

#endif // MPQ_DIALECTS_ONNX_SIZES_H
