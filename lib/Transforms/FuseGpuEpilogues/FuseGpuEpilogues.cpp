//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elementwise ops around a matrix product become part of it:
//
//   linalg.generic { max(product + bias + residual, 0) }  =>  mpq.matmul bias residual {clamp}
//   mpq.matmul (linalg.generic { extf })                  =>  mpq.matmul on f16
//   linalg.generic { truncf(product) }                    =>  mpq.matmul to f16
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DEF_FUSEGPUEPILOGUESPASS
#include "FuseGpuEpilogues.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// What a region does to a product: [truncf] clamp(product + bias + residual).
struct RegionEpilogue {
  SmallVector<BlockArgument> addends;
  std::optional<double> splat; ///< a bias whose elements are equal
  double min = -INFINITY, max = INFINITY;
  bool truncates = false;
};

std::optional<double> getConstant(Value value) {
  FloatAttr attr;
  if (matchPattern(value, m_Constant(&attr)))
    return attr.getValueAsDouble();
  return std::nullopt;
}

/// Peels one `max(x, constant)` or `min(x, constant)` off `value`. Outer clamps
/// come first; an inner bound beyond an outer one would change the meaning.
bool peelClamp(Value &value, RegionEpilogue &epilogue) {
  Operation *op = value.getDefiningOp();
  bool lower = isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op);
  bool upper = isa_and_nonnull<arith::MinimumFOp, arith::MinNumFOp>(op);
  if (!lower && !upper)
    return false;
  for (unsigned i : {0, 1}) {
    std::optional<double> bound = getConstant(op->getOperand(i));
    if (!bound)
      continue;
    if (lower ? *bound > epilogue.max : *bound < epilogue.min)
      return false;
    if (lower)
      epilogue.min = std::max(epilogue.min, *bound);
    else
      epilogue.max = std::min(epilogue.max, *bound);
    value = op->getOperand(1 - i);
    return true;
  }
  return false;
}

bool collectAddends(Value value, RegionEpilogue &epilogue) {
  if (auto extend = value.getDefiningOp<arith::ExtFOp>())
    value = extend.getIn();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    epilogue.addends.push_back(argument);
    return !llvm::is_contained(ArrayRef(epilogue.addends).drop_back(), argument);
  }
  if (std::optional<double> constant = getConstant(value); constant && !epilogue.splat) {
    epilogue.splat = constant;
    return true;
  }
  auto add = value.getDefiningOp<arith::AddFOp>();
  return add && collectAddends(add.getLhs(), epilogue) && collectAddends(add.getRhs(), epilogue);
}

std::optional<RegionEpilogue> matchRegion(linalg::GenericOp op) {
  RegionEpilogue epilogue;
  Value value = op.getBody()->getTerminator()->getOperand(0);
  if (auto truncate = value.getDefiningOp<arith::TruncFOp>()) {
    if (!truncate.getType().isF16())
      return std::nullopt;
    epilogue.truncates = true;
    value = truncate.getIn();
  }
  while (peelClamp(value, epilogue))
    ;
  if (!collectAddends(value, epilogue))
    return std::nullopt;
  return epilogue;
}

/// The single result of an op on all elements of its result, in order.
bool isElementwise(linalg::GenericOp op) {
  return op.getNumResults() == 1 && op.getNumParallelLoops() == op.getNumLoops() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

struct FuseEpilogue final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The product of an input, and the reshape behind it if there is one.
  struct Product {
    MatmulOp op;
    tensor::ExpandShapeOp reshape;
  };
  static Product getProduct(Value value) {
    Product product;
    product.reshape = value.getDefiningOp<tensor::ExpandShapeOp>();
    Value source = product.reshape ? product.reshape.getSrc() : value;
    product.op = source.getDefiningOp<MatmulOp>();
    bool single = value.hasOneUse() && source.hasOneUse();
    if (!product.op || !single || product.op.getOutputQuantAttr() || product.op.getClampAttr() ||
        product.op.getResidual() || !cast<ShapedType>(source.getType()).getElementType().isF32())
      product.op = nullptr;
    return product;
  }

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return rewriter.notifyMatchFailure(op, "not elementwise");
    std::optional<RegionEpilogue> epilogue = matchRegion(op);
    if (!epilogue)
      return rewriter.notifyMatchFailure(op, "not a sum with a clamp");
    // The later product takes the others as residual: they exist by then.
    Product product;
    BlockArgument main;
    for (BlockArgument addend : epilogue->addends) {
      OpOperand *input = op.getMatchingOpOperand(addend);
      Product candidate = getProduct(input->get());
      if (candidate.op && op.getMatchingIndexingMap(input).isIdentity() &&
          (!product.op || product.op->isBeforeInBlock(candidate.op)))
        product = candidate, main = addend;
    }
    if (!product.op)
      return rewriter.notifyMatchFailure(op, "no product to fuse into");
    Value bias = product.op.getBias(), residual;
    if (epilogue->splat && bias)
      return rewriter.notifyMatchFailure(op, "two biases");
    if (epilogue->splat)
      bias = makeSplat(product.op, *epilogue->splat, rewriter);
    for (BlockArgument addend : epilogue->addends)
      if (addend != main && !takeAddend(op, addend, bias, residual))
        return rewriter.notifyMatchFailure(op, "an addend is neither a bias nor a residual");
    rewrite(op, *epilogue, product, bias, residual, rewriter);
    return success();
  }

private:
  /// Makes one more addend the bias or the residual, if it can be.
  static bool takeAddend(linalg::GenericOp op, BlockArgument addend, Value &bias, Value &residual) {
    OpOperand *input = op.getMatchingOpOperand(addend);
    if (input == op.getDpsInitOperand(0))
      return false;
    auto type = cast<RankedTensorType>(input->get().getType());
    AffineMap map = op.getMatchingIndexingMap(input);
    bool isF32 = type.getElementType().isF32();
    if (!isF32 && !type.getElementType().isF16())
      return false;
    bool perColumn = isF32 && type.getRank() == 1 && map == AffineMap::get(op.getNumLoops(), 0,
        getAffineDimExpr(op.getNumLoops() - 1, op.getContext()));
    if (perColumn && !bias && matchPattern(input->get(), m_Constant())) {
      bias = input->get();
      return true;
    }
    if (map.isIdentity() && !residual && !matchPattern(input->get(), m_Constant())) {
      residual = input->get();
      return true;
    }
    return false;
  }

  static Value makeSplat(MatmulOp op, double value, PatternRewriter &rewriter) {
    auto type = RankedTensorType::get({op.getWeightShape()[0]}, rewriter.getF32Type());
    auto elements = DenseElementsAttr::get(type, static_cast<float>(value));
    return arith::ConstantOp::create(rewriter, op.getLoc(), elements);
  }

  static void rewrite(linalg::GenericOp op, const RegionEpilogue &epilogue, Product product, Value bias,
                      Value residual, PatternRewriter &rewriter) {
    Location loc = product.op.getLoc();
    MatmulOp old = product.op;
    auto type = cast<RankedTensorType>(old.getInit().getType());
    Value init = old.getInit();
    if (epilogue.truncates) {
      type = RankedTensorType::get(type.getShape(), rewriter.getF16Type());
      init = tensor::EmptyOp::create(rewriter, loc, tensor::getMixedSizes(rewriter, loc, init),
                                     type.getElementType());
    }
    if (residual && product.reshape)
      residual = tensor::CollapseShapeOp::create(rewriter, loc, residual,
                                                 product.reshape.getReassociationIndices());
    RangeAttr clamp;
    if (epilogue.min > -INFINITY || epilogue.max < INFINITY)
      clamp = RangeAttr::get(rewriter.getContext(), Real(epilogue.min), Real(epilogue.max));
    auto fused = MatmulOp::create(rewriter, loc, TypeRange(type), old.getInput(), old.getWeight(), bias, residual,
                                  init, old.getWeightShapeAttr(), old.getWeightAxisAttr(), clamp,
                                  old.getInputQuantAttr(), UniformAttr(), UniformAttr(), old.getFamilyAttr());
    Value result = fused->getResult(0);
    if (product.reshape)
      result = tensor::ExpandShapeOp::create(
          rewriter, loc, cast<RankedTensorType>(op.getResult(0).getType()), result,
          product.reshape.getReassociationIndices(), product.reshape.getMixedOutputShape());
    rewriter.replaceOp(op, result);
  }
};

/// The f16 tensor that `value` widens, reshaped as `value` is.
Value getHalf(Value value, PatternRewriter &rewriter) {
  auto reshape = value.getDefiningOp<tensor::CollapseShapeOp>();
  auto widen = (reshape ? reshape.getSrc() : value).getDefiningOp<linalg::GenericOp>();
  if (!widen || !isElementwise(widen) || widen.getNumDpsInputs() != 1 ||
      !widen.getMatchingIndexingMap(widen.getDpsInputOperand(0)).isIdentity())
    return {};
  auto extend = widen.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  if (!extend || !isa<BlockArgument>(extend.getIn()) || !extend.getIn().getType().isF16())
    return {};
  Value half = widen.getDpsInputOperand(0)->get();
  if (!reshape)
    return half;
  return tensor::CollapseShapeOp::create(rewriter, reshape.getLoc(), half, reshape.getReassociationIndices());
}

/// The activations that were widened are read as f16.
struct ReadHalf final : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    if (op.getInputQuantAttr() || op.getResidualQuantAttr())
      return rewriter.notifyMatchFailure(op, "activations are quantized");
    bool changed = false;
    for (OpOperand *activation : op.getActivationOperands())
      if (Value half = getHalf(activation->get(), rewriter)) {
        rewriter.modifyOpInPlace(op, [&] { activation->set(half); });
        changed = true;
      }
    return changed ? success() : rewriter.notifyMatchFailure(op, "no activation is widened f16");
  }
};

struct FuseGpuEpiloguesPass : mpq::impl::FuseGpuEpiloguesPassBase<FuseGpuEpiloguesPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    set.add<FuseEpilogue, ReadHalf>(context);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), patterns)))
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
