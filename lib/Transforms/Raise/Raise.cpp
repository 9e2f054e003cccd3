//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Raises image-shaped ops to the `mpq` dialect, where layouts apply:
//
//   linalg.generic (all parallel, rank 4)       =>  mpq.map
//   linalg.generic (all parallel, other ranks)  =>  mpq.map on rows
//   tensor.pad (tensor.extract_slice %x)        =>  mpq.slice_pad
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mpq {
#define GEN_PASS_DEF_RAISEPASS
#include "Raise.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kRank = 4;

Value makeEmptyLike(OpBuilder &b, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(b, loc, type.getShape(),
                                 type.getElementType());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// Whether `inner` reads a value from outside of the region that is computed: a
/// size that is known when the model runs. Maps are isolated from those.
bool usesSizes(linalg::GenericOp op, Operation &inner) {
  return llvm::any_of(inner.getOperands(), [&](Value value) {
    return value.getParentBlock() != op.getBody() &&
           !matchPattern(value, m_Constant());
  });
}

/// The region on f32 scalars, constants from outside included.
void cloneBody(PatternRewriter &rewriter, linalg::GenericOp op, MapOp map) {
  OpBuilder::InsertionGuard guard(rewriter);
  SmallVector<Type> types(map.getInputs().size(), rewriter.getF32Type());
  SmallVector<Location> locs(types.size(), op.getLoc());
  Block *block = rewriter.createBlock(&map.getBody(), {}, types, locs);
  IRMapping mapping;
  for (auto [from, to] :
       llvm::zip(op.getBody()->getArguments(), block->getArguments()))
    mapping.map(from, to);
  auto import = [&](Value value) {
    Operation *def = value.getDefiningOp();
    if (def && def->getBlock() != op.getBody() && !mapping.contains(value) &&
        matchPattern(value, m_Constant()))
      rewriter.clone(*def, mapping);
  };
  for (Operation &inner : op.getBody()->without_terminator()) {
    llvm::for_each(inner.getOperands(), import);
    rewriter.clone(inner, mapping);
  }
  Value result = op.getBody()->getTerminator()->getOperand(0);
  import(result);
  YieldOp::create(rewriter, op.getLoc(), mapping.lookupOrDefault(result));
}

/// Elementwise generics on N x C x H x W become `mpq.map`.
struct RaiseElementwise final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumResults() != 1 || op.getNumLoops() != kRank ||
        op.getNumParallelLoops() != kRank)
      return rewriter.notifyMatchFailure(op,
                                         "not elementwise on four dimensions");
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op,
                                         "result is not a static f32 tensor");
    OpOperand *init = op.getDpsInitOperand(0);
    if (!op.getMatchingIndexingMap(init).isIdentity() ||
        op.payloadUsesValueFromOperand(init))
      return rewriter.notifyMatchFailure(op, "destination is read or permuted");
    for (Operation &inner : op.getBody()->without_terminator())
      if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
          usesSizes(op, inner))
        return rewriter.notifyMatchFailure(
            op, "region has an op that is not elementwise or reads a size");

    SmallVector<Value> inputs;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      FailureOr<Value> input = getMapInput(rewriter, op, operand, type);
      if (failed(input))
        return rewriter.notifyMatchFailure(
            op, "an input is broadcast in an unsupported way");
      inputs.push_back(*input);
    }
    if (inputs.empty())
      return rewriter.notifyMatchFailure(op, "no inputs");

    auto map =
        MapOp::create(rewriter, op.getLoc(), TypeRange(type), inputs,
                      makeEmptyLike(rewriter, op.getLoc(), type), BlockedAttr(),
                      ArrayAttr(), ArrayAttr(), UniformAttr(), StringAttr());
    cloneBody(rewriter, op, map);
    rewriter.replaceOp(op, map->getResults());
    return success();
  }

private:
  /// The input as `mpq.map` takes it: whole, or one value per channel.
  static FailureOr<Value> getMapInput(PatternRewriter &rewriter,
                                      linalg::GenericOp op, OpOperand *operand,
                                      RankedTensorType result) {
    auto type = dyn_cast<RankedTensorType>(operand->get().getType());
    if (!type || !type.getElementType().isF32())
      return failure();
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (map.isIdentity() && type.getShape() == result.getShape())
      return operand->get();
    // Every dimension but the channels has size 1.
    int64_t channels = 1;
    for (auto [index, expr] : llvm::enumerate(map.getResults())) {
      if (type.getDimSize(index) == 1)
        continue;
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || dim.getPosition() != 1)
        return failure();
      channels = type.getDimSize(index);
    }
    if (channels != result.getDimSize(1))
      return failure();
    if (type.getRank() == 1)
      return operand->get();
    ReassociationIndices all;
    for (int64_t d = 0; d < type.getRank(); ++d)
      all.push_back(d);
    return Value(tensor::CollapseShapeOp::create(
        rewriter, op.getLoc(), operand->get(), ArrayRef{all}));
  }
};

/// Elementwise generics of other ranks become `mpq.map` on rows: all dimensions
/// but the last are one.
struct RaiseRows final : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    int64_t rank = op.getNumLoops();
    if (op.getNumResults() != 1 || rank == 0 || rank == kRank ||
        op.getNumParallelLoops() != rank)
      return rewriter.notifyMatchFailure(op, "not elementwise on rows");
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    OpOperand *init = op.getDpsInitOperand(0);
    if (!type || !type.getElementType().isF32() ||
        type.isDynamicDim(rank - 1) ||
        !op.getMatchingIndexingMap(init).isIdentity() ||
        op.payloadUsesValueFromOperand(init))
      return rewriter.notifyMatchFailure(
          op, "result is not f32 rows of static size, or is permuted");
    for (Operation &inner : op.getBody()->without_terminator())
      if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
          usesSizes(op, inner))
        return rewriter.notifyMatchFailure(
            op, "region has an op that is not elementwise or reads a size");
    SmallVector<Value> inputs;
    for (OpOperand *operand : op.getDpsInputOperands())
      if (!isRowInput(op, operand, type))
        return rewriter.notifyMatchFailure(
            op, "an input is broadcast in an unsupported way");
    for (OpOperand *operand : op.getDpsInputOperands())
      inputs.push_back(getRowInput(rewriter, op, operand, type));
    if (inputs.empty())
      return rewriter.notifyMatchFailure(op, "no inputs");

    Location loc = op.getLoc();
    Value rows = collapse(rewriter, loc, init->get());
    auto map = MapOp::create(rewriter, loc, TypeRange(rows.getType()), inputs,
                             rows, BlockedAttr(), ArrayAttr(), ArrayAttr(),
                             UniformAttr(), StringAttr());
    cloneBody(rewriter, op, map);
    Value result = map->getResult(0);
    if (rank > 2)
      result = tensor::ExpandShapeOp::create(
          rewriter, loc, type, result, getRowDimensions(rank),
          tensor::getMixedSizes(rewriter, loc, init->get()));
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// All dimensions but the last, and the last.
  static SmallVector<ReassociationIndices> getRowDimensions(int64_t rank) {
    ReassociationIndices rows =
        llvm::to_vector<2>(llvm::seq<int64_t>(0, rank - 1));
    return {rows, {rank - 1}};
  }

  static Value collapse(PatternRewriter &rewriter, Location loc, Value value) {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    if (rank <= 2)
      return value;
    return tensor::CollapseShapeOp::create(rewriter, loc, value,
                                           getRowDimensions(rank));
  }

  /// Whether the input reads dimension `d` of the result, as its own dimension
  /// of that size.
  static bool reads(AffineMap map, RankedTensorType type, int64_t d,
                    RankedTensorType result) {
    for (auto [index, expr] : llvm::enumerate(map.getResults()))
      if (expr == getAffineDimExpr(d, map.getContext()))
        return type.getDimSize(index) == result.getDimSize(d);
    return false;
  }

  enum class Kind { Whole, PerColumn, PerRow, Other };

  static Kind getKind(linalg::GenericOp op, OpOperand *operand,
                      RankedTensorType result) {
    auto type = dyn_cast<RankedTensorType>(operand->get().getType());
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (!type || !type.getElementType().isF32())
      return Kind::Other;
    // In order, and otherwise only constants where the size is 1.
    int64_t last = -1, rank = result.getRank();
    for (auto [index, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (dim ? int64_t(dim.getPosition()) <= last
              : type.getDimSize(index) != 1)
        return Kind::Other;
      if (dim)
        last = dim.getPosition();
    }
    auto readsOrIsOne = [&](int64_t d) {
      return result.getDimSize(d) == 1 || reads(map, type, d, result);
    };
    bool allRows = llvm::all_of(llvm::seq<int64_t>(0, rank - 1), readsOrIsOne);
    bool noRows =
        llvm::none_of(llvm::seq<int64_t>(0, rank - 1), [&](int64_t d) {
          return result.getDimSize(d) != 1 && reads(map, type, d, result);
        });
    bool column = readsOrIsOne(rank - 1);
    if (allRows && column)
      return Kind::Whole;
    if (noRows && column && type.hasStaticShape() &&
        type.getNumElements() == result.getDimSize(rank - 1))
      return Kind::PerColumn;
    // One element a row: every size but those of the rows is 1.
    return allRows && !map.isFunctionOfDim(rank - 1) ? Kind::PerRow
                                                     : Kind::Other;
  }

  static bool isRowInput(linalg::GenericOp op, OpOperand *operand,
                         RankedTensorType result) {
    return getKind(op, operand, result) != Kind::Other;
  }

  /// The input as [rows, C], [C] or [rows, 1].
  static Value getRowInput(PatternRewriter &rewriter, linalg::GenericOp op,
                           OpOperand *operand, RankedTensorType result) {
    Location loc = op.getLoc();
    Value value = operand->get();
    int64_t columns = result.getShape().back();
    Kind kind = getKind(op, operand, result);
    auto flatten = [&](Value value) -> Value {
      int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
      if (rank == 1)
        return value;
      if (rank == 0)
        return tensor::ExpandShapeOp::create(
            rewriter, loc, RankedTensorType::get({1}, rewriter.getF32Type()),
            value, ArrayRef<ReassociationIndices>());
      ReassociationIndices all =
          llvm::to_vector<2>(llvm::seq<int64_t>(0, rank));
      return tensor::CollapseShapeOp::create(rewriter, loc, value,
                                             ArrayRef{all});
    };
    if (kind == Kind::PerColumn || result.getRank() == 1)
      return flatten(value);
    auto type = cast<RankedTensorType>(value.getType());
    int64_t width = kind == Kind::PerRow ? 1 : columns;
    if (type.getRank() == result.getRank() ||
        (type.getRank() == 2 && type.getDimSize(1) == width))
      return collapse(rewriter, loc, value);
    // Through a vector of all elements.
    Value vector = flatten(value);
    int64_t count = cast<RankedTensorType>(vector.getType()).getDimSize(0);
    int64_t rows = ShapedType::isDynamic(count) ? count : count / width;
    SmallVector<OpFoldResult> sizes = {rewriter.getIndexAttr(rows),
                                       rewriter.getIndexAttr(width)};
    if (ShapedType::isDynamic(rows))
      sizes[0] = tensor::getMixedSize(
          rewriter, loc,
          collapse(rewriter, loc, op.getDpsInitOperand(0)->get()), 0);
    return tensor::ExpandShapeOp::create(
        rewriter, loc,
        RankedTensorType::get({rows, width}, rewriter.getF32Type()), vector,
        ArrayRef<ReassociationIndices>{{0, 1}}, sizes);
  }
};

//===----------------------------------------------------------------------===//
// Slices and pads
//===----------------------------------------------------------------------===//

struct Window {
  SmallVector<int64_t> offsets, sizes, strides;
};

/// The static window of a slice that keeps the rank.
std::optional<Window> getWindow(tensor::ExtractSliceOp slice) {
  if (slice.getSourceType().getRank() != kRank ||
      slice.getType().getRank() != kRank)
    return std::nullopt;
  if (ShapedType::isDynamicShape(slice.getStaticOffsets()) ||
      ShapedType::isDynamicShape(slice.getStaticSizes()) ||
      ShapedType::isDynamicShape(slice.getStaticStrides()))
    return std::nullopt;
  return Window{SmallVector<int64_t>(slice.getStaticOffsets()),
                SmallVector<int64_t>(slice.getStaticSizes()),
                SmallVector<int64_t>(slice.getStaticStrides())};
}

Value buildSlicePad(PatternRewriter &b, Location loc, Value input,
                    const Window &window, ArrayRef<int64_t> low,
                    RankedTensorType type) {
  return SlicePadOp::create(
             b, loc, TypeRange(type), input, makeEmptyLike(b, loc, type),
             b.getDenseI64ArrayAttr(window.offsets),
             b.getDenseI64ArrayAttr(window.sizes),
             b.getDenseI64ArrayAttr(window.strides),
             b.getDenseI64ArrayAttr(low), BlockedAttr(), BlockedAttr(),
             UniformAttr(), UniformAttr(), StringAttr())
      ->getResult(0);
}

/// A zero pad, of a slice or of anything, becomes `mpq.slice_pad`.
struct RaisePad final : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::PadOp op,
                                PatternRewriter &rewriter) const override {
    auto type = op.getResultType();
    if (type.getRank() != kRank || !type.hasStaticShape() ||
        !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a static f32 image");
    Value value = op.getConstantPaddingValue();
    if (!value || !matchPattern(value, m_AnyZeroFloat()))
      return rewriter.notifyMatchFailure(op, "padding value is not zero");
    if (ShapedType::isDynamicShape(op.getStaticLow()) ||
        llvm::any_of(op.getStaticLow(), [](int64_t low) { return low < 0; }) ||
        llvm::any_of(op.getStaticHigh(), [](int64_t high) { return high < 0; }))
      return rewriter.notifyMatchFailure(op, "padding is dynamic or negative");
    Value input = op.getSource();
    Window window{SmallVector<int64_t>(kRank, 0),
                  SmallVector<int64_t>(op.getSourceType().getShape()),
                  SmallVector<int64_t>(kRank, 1)};
    if (auto slice = input.getDefiningOp<tensor::ExtractSliceOp>())
      if (std::optional<Window> sliced = getWindow(slice)) {
        window = *sliced;
        input = slice.getSource();
      }
    if (auto slice = input.getDefiningOp<SlicePadOp>();
        slice && isSlice(slice)) {
      window = {SmallVector<int64_t>(slice.getOffsets()),
                SmallVector<int64_t>(slice.getSizes()),
                SmallVector<int64_t>(slice.getStrides())};
      input = slice.getInput();
    }
    rewriter.replaceOp(op, buildSlicePad(rewriter, op.getLoc(), input, window,
                                         op.getStaticLow(), type));
    return success();
  }

private:
  /// Slices only: places the window at the origin and pads nothing.
  static bool isSlice(SlicePadOp op) {
    return llvm::all_of(op.getLow(), [](int64_t low) { return low == 0; }) &&
           cast<ShapedType>(op.getInit().getType()).getShape() == op.getSizes();
  }
};

/// A slice of an image that is not only padded.
struct RaiseSlice final : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Window> window = getWindow(op);
    if (!window || !op.getType().getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "not a static f32 image");
    rewriter.replaceOp(
        op, buildSlicePad(rewriter, op.getLoc(), op.getSource(), *window,
                          SmallVector<int64_t>(kRank, 0), op.getType()));
    return success();
  }
};

struct RaisePass : mpq::impl::RaisePassBase<RaisePass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    set.add<RaiseElementwise, RaiseRows, RaisePad, RaiseSlice>(context);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), patterns)))
      signalPassFailure();
  }

private:
  FrozenRewritePatternSet patterns;
};

} // namespace
