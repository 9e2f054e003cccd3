//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fuses what follows a convolution or matrix product into it:
//
//   mpq.map { max(conv + r, 0) }     =>  mpq.conv residual(r) {clamp}
//   mpq.map { matmul + b }           =>  mpq.matmul bias(b)
//   mpq.convert {output_quant} conv  =>  mpq.conv {output_quant}
//   op(mpq.convert {input_quant} q)  =>  op(q) {input_quant}
//
// Changes of shape between the rows of a matrix product and the model's tensors
// stay where they are; quantizations move past them:
//
//   quantize(reshape x)              =>  reshape(quantize x)
//   reshape(dequantize q)            =>  dequantize(reshape q)
//
// All of it happens on plain tensors, before layouts are chosen.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "FuseEpilogues.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

//===----------------------------------------------------------------------===//
// Understanding the region of a map
//===----------------------------------------------------------------------===//

/// A region of the form clamp(value + residual + biases) or a part of it.
struct Epilogue {
  BlockArgument residual;
  /// One value for each output channel.
  SmallVector<BlockArgument> biases;
  double min = -INFINITY, max = INFINITY;
};

/// The finite constant behind `value`.
std::optional<double> getConstant(Value value) {
  FloatAttr attr;
  if (matchPattern(value, m_Constant(&attr)))
    return attr.getValueAsDouble();
  return std::nullopt;
}

/// Peels one clamp `op(x, constant)` off `value`.
bool peelClamp(Value &value, Epilogue &epilogue) {
  Operation *op = value.getDefiningOp();
  bool lower = isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op);
  bool upper = isa_and_nonnull<arith::MinimumFOp, arith::MinNumFOp>(op);
  if (!lower && !upper)
    return false;
  for (unsigned i : {0, 1})
    if (std::optional<double> bound = getConstant(op->getOperand(i))) {
      // The inner clamp acts first: a bound that the outer one already
      // contradicts would change the meaning.
      if (lower && *bound > epilogue.max)
        return false;
      if (upper && *bound < epilogue.min)
        return false;
      double &limit = lower ? epilogue.min : epilogue.max;
      limit = lower ? std::max(limit, *bound) : std::min(limit, *bound);
      value = op->getOperand(1 - i);
      return true;
    }
  return false;
}

/// The arguments that `value` is the sum of; false if it is not, or if one of
/// them is there twice.
bool collectTerms(Value value, SmallVectorImpl<BlockArgument> &terms) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (llvm::is_contained(terms, argument))
      return false;
    terms.push_back(argument);
    return true;
  }
  auto add = value.getDefiningOp<arith::AddFOp>();
  return add && collectTerms(add.getLhs(), terms) &&
         collectTerms(add.getRhs(), terms);
}

/// Reads the region of `map` as an epilogue of its input number `index`.
std::optional<Epilogue> matchEpilogue(MapOp map, unsigned index) {
  Epilogue epilogue;
  Block &block = map.getBody().front();
  Value value = block.getTerminator()->getOperand(0);
  while (peelClamp(value, epilogue))
    ;
  SmallVector<BlockArgument> terms;
  if (!collectTerms(value, terms) || terms.size() != map.getInputs().size())
    return std::nullopt;
  bool found = false;
  for (BlockArgument term : terms) {
    unsigned number = term.getArgNumber();
    auto type = cast<ShapedType>(map.getInputs()[number].getType());
    if (number == index) {
      found = true;
    } else if (type.getRank() == 1 &&
               cast<ShapedType>(map.getInit().getType()).getRank() > 1) {
      epilogue.biases.push_back(term);
    } else if (!epilogue.residual) {
      epilogue.residual = term;
    } else {
      return std::nullopt;
    }
  }
  if (!found)
    return std::nullopt;
  return epilogue;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// Whether `op` quantizes f32, or makes f32 of codes, and does nothing else.
bool quantizes(ConvertOp op) {
  return op && op.getOutputQuantAttr() && !op.getInputQuantAttr();
}
bool dequantizes(ConvertOp op) {
  return op && op.getInputQuantAttr() && !op.getOutputQuantAttr();
}

/// Whether `value` is the result of an OpT that nobody else reads and that has
/// no epilogue yet beyond what `allowClamp` admits.
template <typename OpT> OpT getFusible(Value value, bool needsNoClamp) {
  auto op = value.getDefiningOp<OpT>();
  if (!op || !value.hasOneUse() || op.getOutputQuantAttr() ||
      (needsNoClamp && op.getClampAttr()))
    return nullptr;
  return op;
}

/// Moves the map's epilogue into the producer of one of its inputs.
template <typename OpT> struct FuseMap final : OpRewritePattern<MapOp> {
  using OpRewritePattern<MapOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(MapOp map,
                                PatternRewriter &rewriter) const override {
    if (map.getOutputQuantAttr() || map.getInputQuants())
      return rewriter.notifyMatchFailure(map, "map is quantized");
    OpT best;
    Epilogue bestEpilogue;
    for (auto [index, input] : llvm::enumerate(map.getInputs())) {
      std::optional<Epilogue> epilogue = matchEpilogue(map, index);
      if (!epilogue)
        continue;
      OpT op = getFusible<OpT>(input, /*needsNoClamp=*/true);
      bool needsResidual = static_cast<bool>(epilogue->residual);
      if (op && op.getBias() && !epilogue->biases.empty())
        continue;
      if (!op || (needsResidual &&
                  (op.getResidual() || !hasShapeOfResult(map, *epilogue))))
        continue;
      // The later producer takes the residual: the other value exists by then.
      if (!best || best->isBeforeInBlock(op))
        best = op, bestEpilogue = *epilogue;
    }
    if (!best)
      return rewriter.notifyMatchFailure(map, "no producer to fuse into");

    rewriter.setInsertionPoint(map);
    Value bias;
    if (!bestEpilogue.biases.empty())
      bias = addBiases(rewriter, map, bestEpilogue);
    auto fused = cast<OpT>(rewriter.clone(*best));
    if (bias)
      fused.getBiasMutable().assign(bias);
    if (bestEpilogue.residual)
      fused.getResidualMutable().assign(
          map.getInputs()[bestEpilogue.residual.getArgNumber()]);
    if (bestEpilogue.min > -INFINITY || bestEpilogue.max < INFINITY)
      fused.setClampAttr(RangeAttr::get(
          map.getContext(), Real(bestEpilogue.min), Real(bestEpilogue.max)));
    rewriter.replaceOp(map, fused->getResults());
    rewriter.eraseOp(best);
    return success();
  }

private:
  /// The sum of the biases, a map of its own if there are several.
  static Value addBiases(PatternRewriter &rewriter, MapOp map,
                         const Epilogue &epilogue) {
    SmallVector<Value> values =
        llvm::map_to_vector(epilogue.biases, [&](BlockArgument bias) {
          return map.getInputs()[bias.getArgNumber()];
        });
    if (values.size() == 1)
      return values[0];
    Location loc = map.getLoc();
    auto type = cast<RankedTensorType>(values[0].getType());
    Value init = tensor::EmptyOp::create(rewriter, loc, type.getShape(),
                                         type.getElementType());
    auto sum = MapOp::create(rewriter, loc, TypeRange(type), values, init,
                             BlockedAttr(), ArrayAttr(), ArrayAttr(),
                             UniformAttr(), StringAttr());
    OpBuilder::InsertionGuard guard(rewriter);
    SmallVector<Type> types(values.size(), rewriter.getF32Type());
    SmallVector<Location> locs(values.size(), loc);
    Block *block = rewriter.createBlock(&sum.getBody(), {}, types, locs);
    Value total = block->getArgument(0);
    for (Value argument : block->getArguments().drop_front())
      total = arith::AddFOp::create(rewriter, loc, total, argument);
    YieldOp::create(rewriter, loc, total);
    return sum->getResult(0);
  }

  static bool hasShapeOfResult(MapOp map, const Epilogue &epilogue) {
    return map.getInputs()[epilogue.residual.getArgNumber()].getType() ==
           map->getResult(0).getType();
  }
};

/// Whether `op` makes codes as fast as a conversion of whole rows does. Attention
/// writes the rows of one head at a time; with heads of less than a vector of f32
/// there are more vectors to convert, which costs more than the pass it saves
/// (docs/Rationale/Transformers.md).
template <typename OpT> bool fillsVectors(OpT op) {
  constexpr int64_t kLanes = 16;
  if constexpr (std::is_same_v<OpT, AttentionOp>)
    return op.getValueSize() >= kLanes;
  return true;
}

/// A quantizing convert of an op's only use becomes the op's `output_quant`.
template <typename OpT>
struct FuseQuantize final : OpRewritePattern<ConvertOp> {
  using OpRewritePattern<ConvertOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvertOp convert,
                                PatternRewriter &rewriter) const override {
    if (!quantizes(convert))
      return rewriter.notifyMatchFailure(convert, "does not quantize f32");
    auto op = convert.getInput().template getDefiningOp<OpT>();
    if (!op || !convert.getInput().hasOneUse() || op.getOutputQuantAttr())
      return rewriter.notifyMatchFailure(convert,
                                         "producer cannot quantize its result");
    if (!fillsVectors(op))
      return rewriter.notifyMatchFailure(convert, "heads fill no vector");
    rewriter.setInsertionPoint(convert);
    auto fused = cast<OpT>(rewriter.clone(*op));
    fused.getInitMutable().assign(convert.getInit());
    fused->getResult(0).setType(convert->getResult(0).getType());
    fused.setOutputQuantAttr(convert.getOutputQuantAttr());
    rewriter.replaceOp(convert, fused->getResults());
    rewriter.eraseOp(op);
    return success();
  }
};

/// A reader of a dequantizing convert reads the codes.
template <typename OpT>
struct FuseDequantizedInput final : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    auto convert = op.getInput().template getDefiningOp<ConvertOp>();
    if (!dequantizes(convert) || op.getInputQuantAttr())
      return rewriter.notifyMatchFailure(op, "input is not dequantized");
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(convert.getInput());
      op.setInputQuantAttr(convert.getInputQuantAttr());
    });
    return success();
  }
};

template <typename OpT>
struct FuseDequantizedResidual final : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    if (!op.getResidual() || op.getResidualQuantAttr())
      return rewriter.notifyMatchFailure(op, "no f32 residual");
    auto convert = op.getResidual().template getDefiningOp<ConvertOp>();
    if (!dequantizes(convert))
      return rewriter.notifyMatchFailure(op, "residual is not dequantized");
    rewriter.modifyOpInPlace(op, [&] {
      op.getResidualMutable().assign(convert.getInput());
      op.setResidualQuantAttr(convert.getInputQuantAttr());
    });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Past changes of shape
//===----------------------------------------------------------------------===//

Type withElement(Type type, Type element) {
  return cast<RankedTensorType>(type).clone(element);
}

/// The sizes of `value`. Where its producer has a destination they are taken
/// from that, so that `value` gets no reader for them.
SmallVector<OpFoldResult> getSizes(OpBuilder &b, Value value) {
  if (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    value = op.getTiedOpOperand(cast<OpResult>(value))->get();
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes();
  return tensor::getMixedSizes(b, value.getLoc(), value);
}

/// `convert` on `input`, which has another shape.
Value convertReshaped(PatternRewriter &rewriter, ConvertOp convert,
                      Value input) {
  Location loc = convert.getLoc();
  Type element = getElementTypeOrSelf(convert->getResult(0).getType());
  Value init = tensor::EmptyOp::create(
      rewriter, loc, getSizes(rewriter, input), element);
  return ConvertOp::create(rewriter, loc, TypeRange(init.getType()), input,
                           init, BlockedAttr(), BlockedAttr(),
                           convert.getInputQuantAttr(),
                           convert.getOutputQuantAttr(), StringAttr())
      ->getResult(0);
}

/// `reshape` on `source`, whose elements are of another type.
template <typename ReshapeT>
Value reshapeConverted(PatternRewriter &rewriter, ReshapeT reshape,
                       Value source) {
  auto moved = cast<ReshapeT>(rewriter.clone(*reshape));
  moved.getSrcMutable().assign(source);
  moved.getResult().setType(cast<RankedTensorType>(withElement(
      moved.getResult().getType(), getElementTypeOrSelf(source.getType()))));
  return moved.getResult();
}

/// A quantizing convert goes before the reshape that it is the only reader of.
template <typename ReshapeT>
struct HoistQuantize final : OpRewritePattern<ConvertOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvertOp convert,
                                PatternRewriter &rewriter) const override {
    auto reshape = convert.getInput().template getDefiningOp<ReshapeT>();
    if (!quantizes(convert) || !reshape || !reshape->hasOneUse())
      return rewriter.notifyMatchFailure(
          convert, "does not quantize what is reshaped for it alone");
    rewriter.setInsertionPoint(reshape);
    Value codes = convertReshaped(rewriter, convert, reshape.getSrc());
    rewriter.replaceOp(convert, reshapeConverted(rewriter, reshape, codes));
    return success();
  }
};

/// Codes are reshaped instead of the reals that are made of them.
template <typename ReshapeT>
struct SinkDequantize final : OpRewritePattern<ReshapeT> {
  using OpRewritePattern<ReshapeT>::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeT reshape,
                                PatternRewriter &rewriter) const override {
    auto convert = reshape.getSrc().template getDefiningOp<ConvertOp>();
    if (!dequantizes(convert))
      return rewriter.notifyMatchFailure(reshape, "source is not dequantized");
    Value codes = reshapeConverted(rewriter, reshape, convert.getInput());
    rewriter.replaceOp(reshape, convertReshaped(rewriter, convert, codes));
    return success();
  }
};

struct FuseEpiloguesPass : mpq::impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet intoProducers(context);
    intoProducers.add<FuseMap<ConvOp>, FuseMap<MatmulOp>>(context);
    mapPatterns = std::move(intoProducers);

    RewritePatternSet set(context);
    set.add<FuseQuantize<ConvOp>, FuseQuantize<MatmulOp>, FuseQuantize<PoolOp>,
            FuseQuantize<SlicePadOp>, FuseQuantize<MapOp>,
            FuseQuantize<NormalizeOp>, FuseQuantize<AttentionOp>>(context);
    set.add<FuseDequantizedInput<ConvOp>, FuseDequantizedInput<MatmulOp>,
            FuseDequantizedInput<PoolOp>, FuseDequantizedInput<SlicePadOp>>(
        context);
    set.add<HoistQuantize<tensor::CollapseShapeOp>,
            HoistQuantize<tensor::ExpandShapeOp>,
            SinkDequantize<tensor::CollapseShapeOp>,
            SinkDequantize<tensor::ExpandShapeOp>>(context);
    set.add<FuseDequantizedResidual<ConvOp>, FuseDequantizedResidual<MatmulOp>>(
        context);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // First all maps that go into a producer: one that has taken the
    // quantization behind it cannot any more.
    if (failed(applyPatternsGreedily(getOperation(), mapPatterns)) ||
        failed(applyPatternsGreedily(getOperation(), patterns)))
      signalPassFailure();
  }

private:
  FrozenRewritePatternSet mapPatterns, patterns;
};

} // namespace
