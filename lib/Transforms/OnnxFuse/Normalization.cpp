//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   x / Sqrt(ReduceMean(x * x) + epsilon) * w      =>  RMSNormalization
//   c = x - ReduceMean(x)
//   c / Sqrt(ReduceMean(c * c) + epsilon) * w + b  =>  LayerNormalization
//
// along the last dimension. The square may be a Pow, the division a product
// with a Reciprocal.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// The operand of a mean along the last dimension that keeps it.
Value matchMean(Value value) {
  auto mean = value.getDefiningOp<ReduceMeanOp>();
  if (!mean || !mean.getKeepdims() || !mean.getAxes())
    return {};
  auto axes = getConstantIntegers(mean.getAxes());
  auto type = getRanked(mean.getData());
  if (!axes || axes->size() != 1 || !type ||
      (axes->front() != -1 && axes->front() != type.getRank() - 1))
    return {};
  return mean.getData();
}

/// What is squared.
Value matchSquare(Value value) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getA() == mul.getB() ? mul.getA() : Value();
  auto pow = value.getDefiningOp<PowOp>();
  return pow && getScalar(pow.getY()) == 2.0f ? pow.getX() : Value();
}

/// Sqrt(mean of squares + epsilon): what is squared.
Value matchDeviation(Value value, float &epsilon) {
  auto sqrt = value.getDefiningOp<SqrtOp>();
  auto add = sqrt ? sqrt.getX().getDefiningOp<AddOp>() : AddOp();
  if (!add)
    return {};
  Value variance = getOther(add, [&](Value operand) {
    std::optional<float> scalar = getScalar(operand);
    if (scalar)
      epsilon = *scalar;
    return scalar && *scalar >= 0;
  });
  Value squares = variance ? matchMean(variance) : Value();
  return squares ? matchSquare(squares) : Value();
}

/// x / deviation(x), in one of its forms: x.
Value matchQuotient(Value value, float &epsilon) {
  if (auto div = value.getDefiningOp<DivOp>())
    return matchDeviation(div.getB(), epsilon) == div.getA() ? div.getA()
                                                             : Value();
  auto mul = value.getDefiningOp<MulOp>();
  if (!mul)
    return {};
  Value inverse;
  Value x = getOther(mul, [&](Value operand) {
    if (auto reciprocal = operand.getDefiningOp<ReciprocalOp>())
      inverse = reciprocal.getX();
    else if (auto div = operand.getDefiningOp<DivOp>();
             div && getScalar(div.getA()) == 1.0f)
      inverse = div.getB();
    return static_cast<bool>(inverse);
  });
  return x && matchDeviation(inverse, epsilon) == x ? x : Value();
}

/// The scaled quotient: `scale` is along the last dimension.
struct Normalized {
  Value x, scale;
  bool centered = false;
  float epsilon = 0;
};

std::optional<Normalized> matchScaled(Value value) {
  auto mul = value.getDefiningOp<MulOp>();
  if (!mul)
    return std::nullopt;
  Normalized found;
  Value quotient = getOther(mul, [&](Value operand) {
    found.scale = operand;
    return isAlongLast(operand, mul.getResult());
  });
  if (!quotient || !(found.x = matchQuotient(quotient, found.epsilon)))
    return std::nullopt;
  if (auto sub = found.x.getDefiningOp<SubOp>();
      sub && matchMean(sub.getB()) == sub.getA()) {
    found.centered = true;
    found.x = sub.getA();
  }
  return found;
}

template <typename OpT>
void replace(PatternRewriter &rewriter, Operation *op, ValueRange operands,
             float epsilon) {
  SmallVector<NamedAttribute> attributes(op->getDiscardableAttrs());
  attributes.push_back(
      rewriter.getNamedAttr("axis", rewriter.getI64IntegerAttr(-1)));
  attributes.push_back(
      rewriter.getNamedAttr("epsilon", rewriter.getF32FloatAttr(epsilon)));
  rewriter.replaceOpWithNewOp<OpT>(op, op->getResultTypes(), operands,
                                   attributes);
}

struct FuseRMSNormalization final : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Normalized> found = matchScaled(op.getResult());
    if (!found || found->centered)
      return rewriter.notifyMatchFailure(op,
                                         "is no scaled x / sqrt(mean(x^2))");
    replace<RMSNormalizationOp>(rewriter, op, {found->x, found->scale},
                                found->epsilon);
    return success();
  }
};

struct FuseLayerNormalization final : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    Value bias;
    Value scaled = getOther(op, [&](Value operand) {
      bias = operand;
      return isAlongLast(operand, op.getResult());
    });
    std::optional<Normalized> found;
    if (scaled)
      found = matchScaled(scaled);
    if (!found || !found->centered)
      return rewriter.notifyMatchFailure(
          op, "is no scaled (x - mean) / sqrt(variance) plus a bias");
    replace<LayerNormalizationOp>(rewriter, op, {found->x, found->scale, bias},
                                  found->epsilon);
    return success();
  }
};

} // namespace

void populateFuseNormalization(RewritePatternSet &patterns) {
  patterns.add<FuseRMSNormalization, FuseLayerNormalization>(
      patterns.getContext());
}

} // namespace mpq::onnx
