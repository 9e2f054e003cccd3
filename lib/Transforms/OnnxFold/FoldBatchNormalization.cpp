//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// BatchNormalization in inference is an affine function per channel,
//
//   y = (x - mean) / sqrt(var + epsilon) * gamma + beta = x * s + t,
//   s = gamma / sqrt(var + epsilon),  t = beta - mean * s.
//
// Behind a Conv or Gemm, both linear in their weights, it disappears into them:
//
//   (W x + b) * s + t = (W * s) x + (b * s + t)
//
// Everything is computed in f64 and rounded once to f32.
//
//===----------------------------------------------------------------------===//
#include "Constants.h"

#include <cmath>

using namespace mlir;

namespace mpq::onnx {
namespace {

/// x * scale + shift, per channel.
struct Affine {
  std::vector<double> scale, shift;

  /// Nothing if a parameter is not an f32 constant.
  static std::optional<Affine> get(BatchNormalizationOp op) {
    auto gamma = readFloats(op.getScale()), beta = readFloats(op.getB()),
         mean = readFloats(op.getInputMean()),
         var = readFloats(op.getInputVar());
    if (!gamma || !beta || !mean || !var || op->getNumResults() != 1 ||
        op.getTrainingMode())
      return std::nullopt;
    double epsilon = op.getEpsilon().convertToFloat();
    Affine affine;
    for (auto [g, b, m, v] : llvm::zip(*gamma, *beta, *mean, *var)) {
      double scale = g / std::sqrt(double(v) + epsilon);
      affine.scale.push_back(scale);
      affine.shift.push_back(b - m * scale);
    }
    return affine;
  }

  /// b * scale + shift; without a bias b is 0.
  std::vector<float> getBias(const std::optional<std::vector<float>> &b) const {
    std::vector<float> bias;
    for (size_t c = 0; c < scale.size(); ++c)
      bias.push_back(float((b ? (*b)[c] : 0.0) * scale[c] + shift[c]));
    return bias;
  }
};

/// Behind a Conv: output channels are dimension 0 of the weights.
struct FoldIntoConv : OpRewritePattern<BatchNormalizationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BatchNormalizationOp op,
                                PatternRewriter &rewriter) const override {
    auto conv = op.getX().getDefiningOp<ConvOp>();
    if (!conv || !conv->hasOneUse())
      return rewriter.notifyMatchFailure(op, "is not the one user of a Conv");
    auto affine = Affine::get(op);
    auto weights = readFloats(conv.getW());
    auto bias = conv.getB() ? readFloats(conv.getB()) : std::nullopt;
    size_t channels = affine ? affine->scale.size() : 0;
    if (!affine || !weights || (conv.getB() && !bias) || channels == 0 ||
        weights->size() % channels != 0 || (bias && bias->size() != channels))
      return rewriter.notifyMatchFailure(op, "has weights that are not "
                                             "constants");
    size_t perChannel = weights->size() / channels;
    for (auto [i, weight] : llvm::enumerate(*weights))
      weight = float(weight * affine->scale[i / perChannel]);
    rewriter.setInsertionPoint(conv);
    Value w =
        makeFloats(rewriter, conv.getW(), *getShape(conv.getW()), *weights);
    Value b = makeFloats(rewriter, conv.getB() ? conv.getB() : op.getB(),
                         {int64_t(channels)}, affine->getBias(bias));
    // The weight's consumer keeps the name of the Conv.
    auto folded = ConvOp::create(rewriter, conv.getLoc(), op.getY().getType(),
                                 ValueRange{conv.getX(), w, b},
                                 llvm::to_vector(conv->getAttrs()));
    rewriter.replaceOp(op, folded);
    rewriter.eraseOp(conv);
    return success();
  }
};

/// Behind a Gemm: output channels are the columns of B.
struct FoldIntoGemm : OpRewritePattern<BatchNormalizationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BatchNormalizationOp op,
                                PatternRewriter &rewriter) const override {
    auto gemm = op.getX().getDefiningOp<GemmOp>();
    if (!gemm || !gemm->hasOneUse())
      return rewriter.notifyMatchFailure(op, "is not the one user of a Gemm");
    auto affine = Affine::get(op);
    auto weights = readFloats(gemm.getB());
    auto bias = gemm.getC() ? readFloats(gemm.getC()) : std::nullopt;
    auto shape = getShape(gemm.getB());
    if (!affine || !weights || !shape || shape->size() != 2)
      return rewriter.notifyMatchFailure(op, "has weights that are not "
                                             "constants");
    size_t channels = affine->scale.size(), columns = (*shape)[1];
    if (size_t((*shape)[gemm.getTransB() ? 0 : 1]) != channels ||
        (gemm.getC() && (!bias || bias->size() != channels ||
                         !gemm.getBeta().isExactlyValue(1.0))))
      return rewriter.notifyMatchFailure(op, "has a bias of another form");
    for (auto [i, weight] : llvm::enumerate(*weights))
      weight = float(
          weight * affine->scale[gemm.getTransB() ? i / columns : i % columns]);
    rewriter.setInsertionPoint(gemm);
    Value w = makeFloats(rewriter, gemm.getB(), *shape, *weights);
    Value b = makeFloats(rewriter, gemm.getC() ? gemm.getC() : op.getB(),
                         {int64_t(channels)}, affine->getBias(bias));
    SmallVector<NamedAttribute> attributes;
    for (NamedAttribute attribute : gemm->getAttrs())
      if (attribute.getName() != "beta") // was of no use, or 1
        attributes.push_back(attribute);
    auto folded = GemmOp::create(rewriter, gemm.getLoc(), op.getY().getType(),
                                 ValueRange{gemm.getA(), w, b}, attributes);
    rewriter.replaceOp(op, folded);
    rewriter.eraseOp(gemm);
    return success();
  }
};

/// Anywhere else: a Mul and an Add.
struct ExpandBatchNormalization : OpRewritePattern<BatchNormalizationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BatchNormalizationOp op,
                                PatternRewriter &rewriter) const override {
    auto affine = Affine::get(op);
    auto rank = getRank(op.getX());
    if (!affine || !rank || *rank < 2)
      return rewriter.notifyMatchFailure(op, "has parameters that are not "
                                             "constants");
    // [C, 1, 1, ...] is broadcast from the channels on.
    Shape shape(*rank - 1, 1);
    shape.front() = affine->scale.size();
    std::vector<float> scale(affine->scale.begin(), affine->scale.end());
    Value s = makeFloats(rewriter, op.getScale(), shape, scale);
    Value t =
        makeFloats(rewriter, op.getB(), shape, affine->getBias(std::nullopt));
    Type type = op.getY().getType();
    Value scaled =
        MulOp::create(rewriter, op.getLoc(), type, ValueRange{op.getX(), s});
    rewriter.replaceOpWithNewOp<AddOp>(op, TypeRange(type),
                                       ValueRange{scaled, t});
    return success();
  }
};

/// Add of a constant per channel behind a Conv without bias.
struct FoldBias : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [x, c] :
         {std::pair(op.getA(), op.getB()), std::pair(op.getB(), op.getA())}) {
      auto conv = x.getDefiningOp<ConvOp>();
      auto bias = readFloats(c);
      auto rank = getRank(x);
      if (!conv || conv.getB() || !conv->hasOneUse() || !bias || !rank ||
          x.getType() != op.getType())
        continue;
      // [C, 1, 1] or [1, C, 1, 1].
      Shape shape = *getShape(c);
      shape.insert(shape.begin(), *rank - shape.size(), 1);
      int64_t channels = cast<RankedTensorType>(x.getType()).getDimSize(1);
      Shape wanted(*rank, 1);
      wanted[1] = channels;
      if (shape != wanted)
        continue;
      rewriter.setInsertionPoint(conv);
      Value b = makeFloats(rewriter, c, channels, *bias);
      auto folded = ConvOp::create(rewriter, conv.getLoc(), op.getType(),
                                   ValueRange{conv.getX(), conv.getW(), b},
                                   llvm::to_vector(conv->getAttrs()));
      rewriter.replaceOp(op, folded);
      rewriter.eraseOp(conv);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is no bias of a Conv");
  }
};

} // namespace

void populateFoldBatchNormalization(RewritePatternSet &patterns) {
  // Into weights where possible, so that has the benefit.
  patterns.add<FoldIntoConv, FoldIntoGemm, FoldBias>(patterns.getContext(),
                                                     /*benefit=*/2);
  patterns.add<ExpandBatchNormalization>(patterns.getContext());
}

} // namespace mpq::onnx
