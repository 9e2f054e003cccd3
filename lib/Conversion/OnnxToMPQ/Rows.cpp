//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.Softmax             =>  mpq.softmax, between transposes if need be
//   onnx.LayerNormalization  =>  mpq.normalize {centered}
//   onnx.RMSNormalization    =>  mpq.normalize
//   onnx.RotaryEmbedding     =>  mpq.rotary
//   onnx.Attention           =>  mpq.attention
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "dialects/ONNX/Lowering.h"

using namespace mlir;
using namespace mpq;

namespace {

RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A destination for the result of `op`, or failure after an error.
FailureOr<Value> makeInit(Operation *op, OpBuilder &b) {
  FailureOr<RankedTensorType> type = onnx::getSizedType(op, op->getResult(0));
  if (failed(type))
    return failure();
  return onnx::empty(b, op->getLoc(), *type);
}

LogicalResult checkF32(Operation *op, Value value) {
  Type element = getType(value).getElementType();
  if (element.isF32())
    return success();
  return op->emitOpError("has element type ")
         << element << "; f32 is supported";
}

/// The integer attribute, or `otherwise`.
int64_t getInteger(Operation *op, StringRef name, int64_t otherwise) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

//===----------------------------------------------------------------------===//
// Softmax and normalization
//===----------------------------------------------------------------------===//

/// The dimension `axis` of a value of these sizes exchanged with the last one.
Value exchange(OpBuilder &b, Location loc, Value value, onnx::Shape &sizes,
               int64_t axis) {
  SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(sizes.size()));
  std::swap(perm[axis], perm.back());
  std::swap(sizes[axis], sizes.back());
  Value init = onnx::empty(
      b, loc, onnx::getTypeOf(sizes, getType(value).getElementType()));
  return linalg::TransposeOp::create(b, loc, value, init, perm)->getResult(0);
}

struct SoftmaxLowering
    : onnx::LoweringOpInterface::ExternalModel<SoftmaxLowering,
                                               onnx::SoftmaxOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b,
                                      ValueRange operands) const {
    Location loc = op->getLoc();
    Value x = operands[0];
    int64_t last = getType(x).getRank() - 1;
    FailureOr<int64_t> axis =
        onnx::getAxis(op, getInteger(op, "axis", -1), last + 1);
    if (failed(checkF32(op, x)) || failed(axis))
      return failure();
    FailureOr<RankedTensorType> type = onnx::getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    onnx::Shape sizes = onnx::getSizes(*type);
    if (*axis != last)
      x = exchange(b, loc, x, sizes, *axis);
    Value init = onnx::empty(b, loc, onnx::getTypeOf(sizes, b.getF32Type()));
    Value y = SoftmaxOp::create(b, loc, TypeRange(init.getType()), x, init,
                                StringAttr())
                  ->getResult(0);
    if (*axis != last)
      y = exchange(b, loc, y, sizes, *axis);
    return SmallVector<Value>{y};
  }
};

/// A parameter of the last dimension as a vector, null if it is not.
Value asVector(OpBuilder &b, Location loc, Value value, int64_t size) {
  auto type = getType(value);
  if (!type.hasStaticShape() || type.getNumElements() != size)
    return {};
  return onnx::reshape(b, loc, value, {size});
}

template <typename OpT>
struct NormalizationLowering
    : onnx::LoweringOpInterface::ExternalModel<NormalizationLowering<OpT>,
                                               OpT> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b,
                                      ValueRange operands) const {
    Location loc = op->getLoc();
    Value x = operands[0];
    auto type = getType(x);
    int64_t last = type.getRank() - 1;
    FailureOr<int64_t> axis =
        onnx::getAxis(op, getInteger(op, "axis", -1), last + 1);
    if (failed(checkF32(op, x)) || failed(axis))
      return failure();
    if (*axis != last || type.isDynamicDim(last) || op->getNumResults() != 1)
      return op->emitOpError("normalizes dimensions from ")
             << *axis << " on of " << type
             << "; the last one alone, of static size and without statistics "
                "as results, is supported";
    int64_t size = type.getDimSize(last);
    Value scale = asVector(b, loc, operands[1], size), bias;
    if (operands.size() > 2)
      bias = asVector(b, loc, operands[2], size);
    if (!scale || (operands.size() > 2 && !bias))
      return op->emitOpError("has a scale or bias that is not of ")
             << size << " elements";
    auto epsilon = op->getAttrOfType<FloatAttr>("epsilon");
    FailureOr<Value> init = makeInit(op, b);
    if (failed(init))
      return failure();
    auto normalize = NormalizeOp::create(
        b, loc, TypeRange(init->getType()), x, scale, bias, *init,
        std::is_same_v<OpT, onnx::LayerNormalizationOp>,
        epsilon ? epsilon.getValue() : APFloat(1e-5f),
        /*output_quant=*/UniformAttr(), StringAttr());
    return SmallVector<Value>{normalize->getResult(0)};
  }
};

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// A cache of [1, positions, half a head] as a matrix. Of one that is the first
/// rows of another, the other: more rows do no harm, and nothing is cut out.
Value getTable(OpBuilder &b, Location loc, Value cache) {
  auto slice = cache.getDefiningOp<tensor::ExtractSliceOp>();
  bool isStart =
      slice && slice.hasUnitStride() && slice.getSourceType().getRank() == 3 &&
      slice.getType().getRank() == 3 &&
      slice.getSourceType().getDimSize(0) == 1 &&
      slice.getSourceType().getDimSize(2) == slice.getType().getDimSize(2) &&
      llvm::all_of(slice.getStaticOffsets(), [](int64_t o) { return o == 0; });
  return tensor::CollapseShapeOp::create(
      b, loc, isStart ? slice.getSource() : cache,
      ArrayRef<ReassociationIndices>{{0, 1}, {2}});
}

struct RotaryLowering
    : onnx::LoweringOpInterface::ExternalModel<RotaryLowering,
                                               onnx::RotaryEmbeddingOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b,
                                      ValueRange operands) const {
    Location loc = op->getLoc();
    Value x = operands[0], cos = operands[1], sin = operands[2];
    int64_t heads = getInteger(op, "num_heads", 0), rank = getType(x).getRank();
    int64_t size = getType(x).getShape().back();
    if (failed(checkF32(op, x)))
      return failure();
    if (rank != 3 || heads <= 0 || size % heads ||
        getInteger(op, "interleaved", 0) ||
        getInteger(op, "rotary_embedding_dim", 0) || operands.size() > 3 ||
        getType(cos).getRank() != 3 || getType(cos).getDimSize(0) != 1 ||
        getType(cos).getShape().back() * 2 != size / heads)
      return op->emitOpError(
          "is supported on rows of heads (rank 3, num_heads), with caches of "
          "[1, positions, head size / 2] and without position_ids, interleaved "
          "or rotary_embedding_dim");
    FailureOr<Value> init = makeInit(op, b);
    if (failed(init))
      return failure();
    auto rotary = RotaryOp::create(b, loc, TypeRange(init->getType()), x,
                                   getTable(b, loc, cos), getTable(b, loc, sin),
                                   *init, heads, /*offset=*/0, StringAttr());
    return SmallVector<Value>{rotary->getResult(0)};
  }
};

/// Rows of heads: those of `value`, or, where `value` is cut out of wider rows,
/// those at `offset`.
struct Heads {
  Value rows;
  int64_t offset = 0;

  /// `original` is the operand that `value` is the lowered form of: what a
  /// Split along rows leaves whole need not be compared, number by number.
  Heads(Value value, Value original) : rows(value) {
    auto slice = value.getDefiningOp<tensor::ExtractSliceOp>();
    if (!slice ||
        slice.getType().getRank() != slice.getSourceType().getRank() ||
        !slice.hasUnitStride())
      return;
    int64_t last = slice.getType().getRank() - 1;
    if (ShapedType::isDynamic(slice.getStaticOffset(last)))
      return;
    auto split = original.getDefiningOp<onnx::SplitOp>();
    bool isSplit = split && (split.getAxis() == -1 || split.getAxis() == last);
    // All of the other dimensions.
    for (int64_t d = 0; d < last; ++d) {
      int64_t size = slice.getType().getDimSize(d);
      if (slice.getStaticOffset(d) != 0 ||
          size != slice.getSourceType().getDimSize(d) ||
          (ShapedType::isDynamic(size) && !isSplit))
        return;
    }
    rows = slice.getSource();
    offset = slice.getStaticOffset(last);
  }
};

struct AttentionLowering
    : onnx::LoweringOpInterface::ExternalModel<AttentionLowering,
                                               onnx::AttentionOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b,
                                      ValueRange operands) const {
    Location loc = op->getLoc();
    int64_t heads = getInteger(op, "q_num_heads", 0),
            kvHeads = getInteger(op, "kv_num_heads", 0);
    auto softcap = op->getAttrOfType<FloatAttr>("softcap");
    if (failed(checkF32(op, operands[0])))
      return failure();
    if (getType(operands[0]).getRank() != 3 || heads <= 0 || kvHeads <= 0 ||
        operands.size() > 4 || op->getNumResults() != 1 ||
        (softcap && !softcap.getValue().isZero()))
      return op->emitOpError("is supported on rows of heads (rank 3), without "
                             "caches, scores as a result or softcap");
    Heads query(operands[0], op->getOperand(0)),
        key(operands[1], op->getOperand(1)),
        value(operands[2], op->getOperand(2));
    int64_t size = getType(operands[0]).getShape().back() / heads;
    int64_t valueSize = getType(operands[2]).getShape().back() / kvHeads;
    Value mask = operands.size() > 3 ? operands[3] : Value();
    auto scale = op->getAttrOfType<FloatAttr>("scale");
    FailureOr<Value> init = makeInit(op, b);
    if (failed(init))
      return failure();
    auto attention = AttentionOp::create(
        b, loc, TypeRange(init->getType()), query.rows, key.rows, value.rows,
        mask, *init, heads, kvHeads, size, valueSize,
        scale ? scale.getValue() : APFloat(1.0f / std::sqrt(float(size))),
        ArrayRef<int64_t>{query.offset, key.offset, value.offset},
        getInteger(op, "is_causal", 0) != 0, /*operand_quant=*/UniformAttr(),
        /*output_quant=*/UniformAttr(), StringAttr());
    return SmallVector<Value>{attention->getResult(0)};
  }
};

} // namespace

void mpq::attachRowLowerings(MLIRContext *context) {
  context->loadDialect<linalg::LinalgDialect, tensor::TensorDialect>();
  onnx::SoftmaxOp::attachInterface<SoftmaxLowering>(*context);
  onnx::LayerNormalizationOp::attachInterface<
      NormalizationLowering<onnx::LayerNormalizationOp>>(*context);
  onnx::RMSNormalizationOp::attachInterface<
      NormalizationLowering<onnx::RMSNormalizationOp>>(*context);
  onnx::RotaryEmbeddingOp::attachInterface<RotaryLowering>(*context);
  onnx::AttentionOp::attachInterface<AttentionLowering>(*context);
}
