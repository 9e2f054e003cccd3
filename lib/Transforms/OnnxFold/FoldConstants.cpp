//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Ops that need not run: views and permutations of weights, ops that do nothing
// in inference, and the detour that Softmax of old opsets takes.
//
//===----------------------------------------------------------------------===//
#include "Constants.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Identity, Cast to the same type, Reshape to the same shape, Dropout.
struct FoldNoOp : RewritePattern {
  FoldNoOp(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa<IdentityOp, CastOp, CastLikeOp, ReshapeOp, FlattenOp, SqueezeOp,
             UnsqueezeOp, ExpandOp, TileOp, DropoutOp, SliceOp, PadOp>(op))
      return rewriter.notifyMatchFailure(op, "does something");
    if (op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "has a mask");
    if (auto dropout = dyn_cast<DropoutOp>(op))
      if (Value training = dropout.getTrainingMode()) {
        auto known = PartialTensor::fromConstant(getConstant(training));
        if (!known || known->elements.front().integer != 0)
          return rewriter.notifyMatchFailure(op, "is training");
      }
    Value operand = op->getOperand(0);
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    bool alwaysSame = isa<IdentityOp, DropoutOp>(op);
    if (operand.getType() != op->getResult(0).getType() ||
        (!alwaysSame && (!type || type.getNumDynamicDims() > 1)))
      return rewriter.notifyMatchFailure(op, "changes the type");
    // A dynamic size may be 1 before and more after these.
    if (isa<ExpandOp, TileOp>(op) && !type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "may repeat");
    // A Slice of a known size is all of it only if it runs forwards; a Pad of
    // the same size could shift.
    if (isa<SliceOp, PadOp>(op) && !isWhole(op))
      return rewriter.notifyMatchFailure(op, "is not the whole operand");
    rewriter.replaceOp(op, operand);
    return success();
  }

  static bool isWhole(Operation *op) {
    if (!cast<RankedTensorType>(op->getOperand(0).getType()).hasStaticShape())
      return false;
    if (auto pad = dyn_cast<PadOp>(op)) {
      auto pads = getConstantIntegers(pad.getPads());
      return pads && llvm::all_of(*pads, [](int64_t n) { return n == 0; });
    }
    auto slice = cast<SliceOp>(op);
    if (!slice.getSteps())
      return true;
    auto steps = getConstantIntegers(slice.getSteps());
    return steps && llvm::all_of(*steps, [](int64_t n) { return n > 0; });
  }
};

/// Reshape and its like of a constant: the same bytes.
struct FoldConstantView : RewritePattern {
  FoldConstantView(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(op))
      return rewriter.notifyMatchFailure(op, "is no view");
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    ElementsAttr constant = getConstant(op->getOperand(0));
    if (!constant || !type || !type.hasStaticShape() ||
        type.getNumElements() != constant.getNumElements())
      return rewriter.notifyMatchFailure(op, "is no constant of known shape");
    ElementsAttr value;
    if (auto dense = dyn_cast<DenseElementsAttr>(constant))
      value = dense.reshape(type);
    else if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant))
      value = DenseResourceElementsAttr::get(type, resource.getRawHandle());
    else
      return rewriter.notifyMatchFailure(op, "has an unknown kind of constant");
    // The weight keeps its name.
    Value view =
        ConstantOp::create(rewriter, op->getOperand(0).getLoc(), Type(type),
                           ValueRange(), rewriter.getNamedAttr("value", value));
    rewriter.replaceOp(op, view);
    return success();
  }
};

/// Transpose of a constant moves its elements.
struct FoldConstantTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    ElementsAttr constant = getConstant(op.getData());
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!constant || !type || !type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "is no constant of known shape");
    std::optional<ArrayRef<char>> bytes = getRawBytes(constant);
    size_t count = type.getNumElements();
    unsigned width = type.getElementType().isIntOrFloat()
                         ? type.getElementTypeBitWidth() / 8
                         : 0;
    if (!bytes || width == 0 || bytes->size() != count * width)
      return rewriter.notifyMatchFailure(op, "is a splat or has no bytes");
    Shape perm = iota(type.getRank());
    std::reverse(perm.begin(), perm.end());
    if (auto given = op.getPerm())
      perm = llvm::to_vector(*given);
    for (int64_t &d : perm)
      d = d < 0 ? d + type.getRank() : d;
    Shape strides = getStrides(constant.getShapedType().getShape());
    std::vector<char> moved(bytes->size());
    size_t next = 0;
    forEachIndex(type.getShape(), [&](ArrayRef<int64_t> index) {
      int64_t from = 0;
      for (auto [i, d] : llvm::zip(index, perm))
        from += i * strides[d];
      std::memcpy(&moved[next], bytes->data() + from * width, width);
      next += width;
    });
    rewriter.replaceOp(op, makeBytes(rewriter, op.getData(), type, moved));
    return success();
  }
};

/// Reshape(Softmax(Flatten(x), axis = 1), Shape(x)) normalizes the rows of a
/// matrix; if a row is the last dimension, that is Softmax(x, axis = -1).
template <typename SoftmaxT>
struct FoldFlattenedSoftmax : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern<ReshapeOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto softmax = op.getData().getDefiningOp<SoftmaxT>();
    auto flatten = softmax
                       ? softmax.getInput().template getDefiningOp<FlattenOp>()
                       : FlattenOp();
    if (!flatten)
      return rewriter.notifyMatchFailure(op, "is no flattened Softmax");
    int64_t softmaxAxis = softmax.getAxis();
    if (softmaxAxis != 1 && softmaxAxis != -1)
      return rewriter.notifyMatchFailure(op, "normalizes columns");
    Value x = flatten.getInput();
    auto type = dyn_cast<RankedTensorType>(x.getType());
    if (!type || type.getRank() == 0)
      return rewriter.notifyMatchFailure(op, "has an unknown rank");
    // Back in the shape of x: it is Shape(x), or has become a constant.
    auto shape = op.getShape().template getDefiningOp<ShapeOp>();
    auto known = getConstantIntegers(op.getShape());
    if (!(shape && shape.getData() == x) &&
        !(known && type.hasStaticShape() &&
          ArrayRef(*known) == type.getShape()))
      return rewriter.notifyMatchFailure(op, "changes the shape");
    int64_t axis = flatten.getAxis();
    axis = axis < 0 ? axis + type.getRank() : axis;
    // Dimensions of size 1 behind the axis do not count.
    int64_t last = -1, real = 0;
    for (int64_t d = axis; d < type.getRank(); ++d)
      if (type.getDimSize(d) != 1) {
        last = d;
        ++real;
      }
    if (real > 1 || axis >= type.getRank())
      return rewriter.notifyMatchFailure(op, "has rows of several dimensions");
    if (last < 0)
      last = type.getRank() - 1;
    rewriter.replaceOpWithNewOp<SoftmaxT>(
        op, TypeRange(x.getType()), ValueRange(x),
        rewriter.getNamedAttr("axis", rewriter.getI64IntegerAttr(last)));
    return success();
  }
};

} // namespace

void populateFoldConstants(RewritePatternSet &patterns) {
  patterns
      .add<FoldNoOp, FoldConstantView, FoldConstantTranspose,
           FoldFlattenedSoftmax<SoftmaxOp>, FoldFlattenedSoftmax<LogSoftmaxOp>>(
          patterns.getContext());
}

} // namespace mpq::onnx
