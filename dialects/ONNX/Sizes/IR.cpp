//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Between sizes and the IR that computes them.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Sizes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace mpq::onnx {

//===----------------------------------------------------------------------===//
// IR to sizes
//===----------------------------------------------------------------------===//

AffineExpr getExpr(Value value, llvm::function_ref<AffineExpr(Value)> getLeaf) {
  if (AffineExpr leaf = getLeaf(value))
    return leaf;
  MLIRContext *context = value.getContext();
  IntegerAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return getAffineConstantExpr(constant.getInt(), context);
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    SmallVector<AffineExpr> dims, symbols;
    for (Value operand : apply.getMapOperands()) {
      AffineExpr expr = getExpr(operand, getLeaf);
      if (!expr)
        return {};
      bool isDim = dims.size() < apply.getAffineMap().getNumDims();
      (isDim ? dims : symbols).push_back(expr);
    }
    AffineExpr result =
        apply.getAffineMap().getResult(0).replaceDimsAndSymbols(dims, symbols);
    return toExpr(multiplySizes(toSize(result), 1), context);
  }
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return {};
  AffineExpr left = getExpr(op->getOperand(0), getLeaf),
             right = getExpr(op->getOperand(1), getLeaf);
  if (!left || !right)
    return {};
  int64_t a = toSize(left), b = toSize(right);
  int64_t size = isa<arith::AddIOp>(op)   ? addSizes(a, b)
                 : isa<arith::SubIOp>(op) ? subtractSizes(a, b)
                                          : multiplySizes(a, b);
  return toExpr(size, context);
}

/// tensor.dim of a value whose sizes are known.
static AffineExpr getDim(Value value) {
  auto dim = value.getDefiningOp<tensor::DimOp>();
  auto type =
      dim ? dyn_cast<RankedTensorType>(dim.getSource().getType()) : nullptr;
  std::optional<int64_t> index = dim ? dim.getConstantIndex() : std::nullopt;
  if (!type || !index || *index >= type.getRank())
    return {};
  Shape sizes = getSizes(type);
  if (isUnknown(sizes[*index]))
    sizes = getDefinedSizes(dim.getSource());
  return toExpr(sizes[*index], value.getContext());
}

static int64_t getSize(OpFoldResult size) {
  if (auto constant = getConstantIntValue(size))
    return *constant;
  return toSize(getExpr(cast<Value>(size), getDim));
}

bool keepsSizes(Operation *op) {
  // The casts of `quant` check that shapes agree in their verifier only.
  return op->hasTrait<OpTrait::SameOperandsAndResultShape>() ||
         isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op);
}

Shape getDefinedSizes(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Shape sizes = getSizes(type);
  Operation *op = value.getDefiningOp();
  if (!op || !llvm::is_contained(sizes, kDynamic))
    return sizes;
  auto toSizes = [](ArrayRef<OpFoldResult> list) {
    return Shape(llvm::map_range(list, getSize));
  };
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return toSizes(empty.getMixedSizes());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return toSizes(expand.getMixedOutputShape());
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
      slice && slice.getSourceType().getRank() == type.getRank())
    return toSizes(slice.getMixedSizes());
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return getDefinedSizes(
        destination.getTiedOpOperand(cast<OpResult>(value))->get());
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Shape from = getDefinedSizes(collapse.getSrc());
    for (auto [size, group] :
         llvm::zip(sizes, collapse.getReassociationIndices())) {
      size = 1;
      for (int64_t d : group)
        size = multiplySizes(size, from[d]);
    }
    return sizes;
  }
  // A cast, also one of element types.
  if (op->getNumOperands() == 1 && op->getNumResults() == 1)
    if (auto from = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
        from && from.getRank() == type.getRank() &&
        (isa<tensor::CastOp>(op) || OpTrait::hasElementwiseMappableTraits(op) ||
         keepsSizes(op)))
      return getDefinedSizes(op->getOperand(0));
  return sizes;
}

//===----------------------------------------------------------------------===//
// Sizes to IR
//===----------------------------------------------------------------------===//

/// tensor.dim of an argument that symbol number `position` is a size of, where
/// everything behind can use it.
static Value getSymbol(OpBuilder &b, unsigned position) {
  auto function = cast<func::FuncOp>(
      b.getInsertionBlock()->getParent()->getParentOfType<func::FuncOp>());
  int64_t wanted = toSize(getAffineSymbolExpr(position, b.getContext()));
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    Shape sizes = getSizes(type);
    auto found = llvm::find(sizes, wanted);
    if (found == sizes.end())
      continue;
    for (Operation *user : argument.getUsers())
      if (auto dim = dyn_cast<tensor::DimOp>(user);
          dim && user->getBlock() == argument.getOwner() &&
          dim.getConstantIndex() == found - sizes.begin())
        return dim;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(argument.getOwner());
    return tensor::DimOp::create(b, argument.getLoc(), argument,
                                 found - sizes.begin());
  }
  llvm_unreachable("a symbol without an argument");
}

OpFoldResult materialize(OpBuilder &b, Location loc, int64_t size) {
  assert(!isUnknown(size) && "an unknown size has no value");
  if (!isDynamic(size))
    return b.getIndexAttr(size);
  AffineExpr expr = toExpr(size, b.getContext());
  unsigned count = 0;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      count = std::max(count, symbol.getPosition() + 1);
  });
  SmallVector<OpFoldResult> symbols(count, b.getIndexAttr(0));
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      symbols[symbol.getPosition()] = getSymbol(b, symbol.getPosition());
  });
  return affine::makeComposedFoldedAffineApply(b, loc, expr, symbols);
}

SmallVector<OpFoldResult> materialize(OpBuilder &b, Location loc,
                                      ArrayRef<int64_t> shape) {
  return llvm::map_to_vector(
      shape, [&](int64_t size) { return materialize(b, loc, size); });
}

} // namespace mpq::onnx
