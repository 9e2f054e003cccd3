//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   Reshape(Transpose(MatMul(Softmax(MatMul(q, k) * scale + mask), v)))
//     =>  Attention(x, y, z, mask)
//
// where q = Transpose(Reshape(x, [B, S, heads, D]), [0, 2, 1, 3]), v likewise,
// and k has its last two dimensions exchanged on top. Heads of k and v may be
// repeated by a Gather.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Rows [B, S, heads * D] whose heads have been brought to the front.
struct Heads {
  Value rows;
  int64_t count = 0;
  /// How often each head is repeated.
  int64_t repeated = 1;
};

/// [B, heads, S, D], with `transposed` [B, heads, D, S].
std::optional<Heads> matchHeads(Value value, bool transposed) {
  Heads heads;
  Value split;
  if (transposed) {
    split = matchTranspose(value, {0, 2, 3, 1});
    if (!split) {
      value = matchTranspose(value, {0, 1, 3, 2});
      if (!value)
        return std::nullopt;
    }
  }
  if (auto gather = split ? GatherOp() : value.getDefiningOp<GatherOp>()) {
    auto indices = getConstantIntegers(gather.getIndices());
    auto type = getRanked(gather.getData());
    if (gather.getAxis() != 1 || !indices || !type || type.getRank() != 4 ||
        type.isDynamicDim(1) || indices->size() % type.getDimSize(1))
      return std::nullopt;
    heads.repeated = indices->size() / type.getDimSize(1);
    for (auto [i, index] : llvm::enumerate(*indices))
      if (index != int64_t(i) / heads.repeated)
        return std::nullopt;
    value = gather.getData();
  }
  if (!split)
    split = matchTranspose(value, {0, 2, 1, 3});
  auto reshape = split ? split.getDefiningOp<ReshapeOp>() : ReshapeOp();
  auto rows = reshape ? getRanked(reshape.getData()) : nullptr;
  auto type = split ? getRanked(split) : nullptr;
  if (!rows || rows.getRank() != 3 || !type || type.getRank() != 4 ||
      type.isDynamicDim(2) || type.isDynamicDim(3) ||
      rows.getShape().back() != type.getDimSize(2) * type.getDimSize(3))
    return std::nullopt;
  heads.rows = reshape.getData();
  heads.count = type.getDimSize(2);
  return heads;
}

/// Takes multiplications with, and divisions by, constants off `value`.
void peelScale(Value &value, float &scale) {
  for (;;) {
    if (auto mul = value.getDefiningOp<MulOp>()) {
      std::optional<float> factor;
      Value other = getOther(mul, [&](Value operand) {
        factor = getScalar(operand);
        return factor.has_value();
      });
      if (!other)
        return;
      scale *= *factor;
      value = other;
    } else if (auto div = value.getDefiningOp<DivOp>()) {
      std::optional<float> divisor = getScalar(div.getB());
      if (!divisor)
        return;
      scale /= *divisor;
      value = div.getA();
    } else {
      return;
    }
  }
}

/// Whether all that a mask of [S, T] has below and on the diagonal is zero, and
/// the rest so low that its exponentials are.
bool isTriangle(ArrayRef<float> mask, int64_t rows, int64_t columns) {
  for (int64_t s = 0; s < rows; ++s)
    for (int64_t t = 0; t < columns; ++t)
      if (t <= s ? mask[s * columns + t] != 0 : mask[s * columns + t] > -1e9f)
        return false;
  return true;
}

/// A constant triangle, or its upper left corner.
bool isCausal(Value mask) {
  if (auto slice = mask.getDefiningOp<SliceOp>()) {
    // From zero, to the same end in both dimensions.
    auto starts = getConstantIntegers(slice.getStarts());
    auto axes =
        slice.getAxes() ? getConstantIntegers(slice.getAxes()) : std::nullopt;
    auto concat = slice.getEnds().getDefiningOp<ConcatOp>();
    bool isCorner = starts && axes && *starts == SmallVector<int64_t>{0, 0} &&
                    *axes == SmallVector<int64_t>{0, 1} && !slice.getSteps() &&
                    concat && concat.getInputs().size() == 2 &&
                    concat.getInputs()[0] == concat.getInputs()[1];
    if (!isCorner)
      return false;
    mask = slice.getData();
  }
  auto type = getRanked(mask);
  std::vector<float> elements = readReals(mask);
  if (!type || elements.empty() || type.getRank() < 2)
    return false;
  ArrayRef<int64_t> shape = type.getShape();
  return llvm::all_of(shape.drop_back(2), [](int64_t d) { return d == 1; }) &&
         isTriangle(elements, shape[shape.size() - 2], shape.back());
}

struct FuseAttention final : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = getRanked(op.getResult());
    Value product = matchTranspose(op.getData(), {0, 2, 1, 3});
    auto weighted = product ? product.getDefiningOp<MatMulOp>() : MatMulOp();
    auto softmax =
        weighted ? weighted.getA().getDefiningOp<SoftmaxOp>() : SoftmaxOp();
    if (!softmax || !type || type.getRank() != 3 ||
        (softmax.getAxis() != -1 && softmax.getAxis() != 3))
      return rewriter.notifyMatchFailure(op, "is no product with a softmax");
    Value scores = softmax.getInput(), mask;
    float scale = 1;
    // The mask is what is not made by the other product.
    if (auto add = scores.getDefiningOp<AddOp>())
      for (unsigned i : {0, 1}) {
        Value candidate = add->getOperand(i);
        float ignored = 1;
        peelScale(candidate, ignored);
        if (candidate.getDefiningOp<MatMulOp>()) {
          scores = add->getOperand(i);
          mask = add->getOperand(1 - i);
          break;
        }
      }
    peelScale(scores, scale);
    auto matmul = scores.getDefiningOp<MatMulOp>();
    if (!matmul)
      return rewriter.notifyMatchFailure(op, "scores are no product");
    Value query = matmul.getA(), key = matmul.getB();
    peelScale(query, scale);
    peelScale(key, scale);
    auto q = matchHeads(query, false), k = matchHeads(key, true),
         v = matchHeads(weighted.getB(), false);
    if (!q || !k || !v || q->repeated != 1 || k->repeated != v->repeated ||
        k->count != v->count || q->count != k->count * k->repeated)
      return rewriter.notifyMatchFailure(
          op, "heads do not come from rows in a known way");
    // The result are rows again, not a cut across them.
    auto front = getRanked(product), values = getRanked(v->rows);
    if (front.isDynamicDim(1) || front.isDynamicDim(3) ||
        type.getShape().back() != front.getDimSize(1) * front.getDimSize(3) ||
        values.getShape().back() * q->count !=
            type.getShape().back() * v->count)
      return rewriter.notifyMatchFailure(op, "result is not rows of heads");
    build(op, *q, *k, *v, mask, scale, rewriter);
    return success();
  }

private:
  static void build(ReshapeOp op, const Heads &q, const Heads &k,
                    const Heads &v, Value mask, float scale,
                    PatternRewriter &rewriter) {
    SmallVector<NamedAttribute> attributes(op->getDiscardableAttrs());
    auto add = [&](StringRef name, Attribute value) {
      attributes.push_back(rewriter.getNamedAttr(name, value));
    };
    SmallVector<Value> operands = {q.rows, k.rows, v.rows};
    if (mask && isCausal(mask))
      add("is_causal", rewriter.getI64IntegerAttr(1));
    else if (mask)
      operands.push_back(mask);
    add("kv_num_heads", rewriter.getI64IntegerAttr(k.count));
    add("q_num_heads", rewriter.getI64IntegerAttr(q.count));
    add("scale", rewriter.getF32FloatAttr(scale));
    rewriter.replaceOpWithNewOp<AttentionOp>(op, op->getResultTypes(), operands,
                                             attributes);
  }
};

} // namespace

void populateFuseAttention(RewritePatternSet &patterns) {
  patterns.add<FuseAttention>(patterns.getContext());
}

} // namespace mpq::onnx
