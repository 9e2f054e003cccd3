//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   h = Transpose(Reshape(x, [B, S, heads, D]))
//   h * cos + Concat(-h[D/2:], h[:D/2]) * sin
//     =>  Transpose(Reshape(RotaryEmbedding(x, cos, sin), [B, S, heads, D]))
//
// so that what follows sees rows of heads brought to the front, as it does
// without a rotation. `cos` and `sin` are constants of [1, 1, positions, D], or
// their first rows.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// -h[half:] beside h[:half]: h.
Value matchTurned(Value value, int64_t half) {
  auto concat = value.getDefiningOp<ConcatOp>();
  auto type = concat ? getRanked(value) : nullptr;
  if (!type || concat.getInputs().size() != 2 ||
      (concat.getAxis() != -1 && concat.getAxis() != type.getRank() - 1))
    return {};
  auto neg = concat.getInputs()[0].getDefiningOp<NegOp>();
  auto high = neg ? matchSlice(neg.getX()) : std::nullopt;
  auto low = matchSlice(concat.getInputs()[1]);
  if (!high || !low || high->source != low->source ||
      high->axis != type.getRank() - 1 || low->axis != type.getRank() - 1 ||
      high->start != half || !high->end || *high->end < 2 * half ||
      low->start != 0 || low->end != half)
    return {};
  return low->source;
}

/// A table of factors: a constant whose halves agree, or its first rows.
struct Table {
  Value constant;
  SliceOp slice;
  std::vector<float> halves;
  int64_t rows;

  static std::optional<Table> match(Value value, int64_t half) {
    Table table;
    table.constant = value;
    if (auto slice = matchSlice(value)) {
      if (slice->start != 0 || slice->axis != 2)
        return std::nullopt;
      table.slice = value.getDefiningOp<SliceOp>();
      table.constant = slice->source;
    }
    auto type = getRanked(table.constant);
    std::vector<float> all = readReals(table.constant);
    if (!type || all.empty() || type.getRank() != 4 ||
        type.getDimSize(0) != 1 || type.getDimSize(1) != 1 ||
        type.getDimSize(3) != 2 * half)
      return std::nullopt;
    table.rows = type.getDimSize(2);
    for (int64_t row = 0; row < table.rows; ++row)
      for (int64_t d = 0; d < half; ++d) {
        float value = all[2 * half * row + d];
        if (value != all[2 * half * row + half + d])
          return std::nullopt;
        table.halves.push_back(value);
      }
    return table;
  }

  /// As [1, rows, half].
  Value build(PatternRewriter &b, int64_t half) {
    Value halves = makeConstant(b, constant, {1, rows, half}, this->halves);
    if (!slice)
      return halves;
    auto axis = RankedTensorType::get({1}, b.getI64Type());
    Value axes = ConstantOp::create(
        b, constant.getLoc(), Type(axis), ValueRange(),
        b.getNamedAttr("value", DenseElementsAttr::get(axis, int64_t(1))));
    auto type = RankedTensorType::get(
        {1, getRanked(slice.getResult()).getDimSize(2), half}, b.getF32Type());
    return SliceOp::create(
        b, slice.getLoc(), Type(type),
        ValueRange{halves, slice.getStarts(), slice.getEnds(), axes});
  }
};

struct FuseRotary final : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    auto type = getRanked(op.getResult());
    auto first = op.getA().getDefiningOp<MulOp>(),
         second = op.getB().getDefiningOp<MulOp>();
    if (!type || type.getRank() != 4 || !first || !second ||
        type.isDynamicDim(3) || type.getDimSize(3) % 2)
      return rewriter.notifyMatchFailure(op, "is no sum of products of heads");
    int64_t half = type.getDimSize(3) / 2;
    for (auto [straight, turned] : {std::pair(first, second), {second, first}})
      if (succeeded(rewrite(op, straight, turned, half, rewriter)))
        return success();
    return rewriter.notifyMatchFailure(op, "is no rotation of halves");
  }

private:
  static LogicalResult rewrite(AddOp op, MulOp straight, MulOp turned,
                               int64_t half, PatternRewriter &rewriter) {
    Value heads;
    Value sin = getOther(turned, [&](Value operand) {
      heads = matchTurned(operand, half);
      return static_cast<bool>(heads);
    });
    Value cos = sin ? getOther(straight,
                               [&](Value operand) { return operand == heads; })
                    : Value();
    Value split = cos ? matchTranspose(heads, {0, 2, 1, 3}) : Value();
    auto reshape = split ? split.getDefiningOp<ReshapeOp>() : ReshapeOp();
    auto rows = reshape ? getRanked(reshape.getData()) : nullptr;
    if (!rows || rows.getRank() != 3)
      return failure();
    auto cosines = Table::match(cos, half), sines = Table::match(sin, half);
    int64_t count = getRanked(split).getDimSize(2);
    if (!cosines || !sines || ShapedType::isDynamic(count) ||
        rows.getShape().back() != count * 2 * half)
      return failure();
    Value operands[] = {reshape.getData(), cosines->build(rewriter, half),
                        sines->build(rewriter, half)};
    Value rotated = RotaryEmbeddingOp::create(
        rewriter, op.getLoc(), Type(rows), operands,
        rewriter.getNamedAttr("num_heads", rewriter.getI64IntegerAttr(count)));
    Value again = ReshapeOp::create(rewriter, reshape.getLoc(), split.getType(),
                                    ValueRange{rotated, reshape.getShape()},
                                    llvm::to_vector(reshape->getAttrs()));
    rewriter.replaceOpWithNewOp<TransposeOp>(
        op, op->getResultTypes(), ValueRange(again),
        rewriter.getNamedAttr("perm",
                              rewriter.getDenseI64ArrayAttr({0, 2, 1, 3})));
    return success();
  }
};

} // namespace

void populateFuseRotary(RewritePatternSet &patterns) {
  patterns.add<FuseRotary>(patterns.getContext());
}

} // namespace mpq::onnx
